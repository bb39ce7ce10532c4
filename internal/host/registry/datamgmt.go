package registry

var blobArea = Area{
	Name: "Blob", Kind: Object, Type: "Blob",
	Doc: "Bytes outside the script's own values, such as a file. They count as the tenant's memory. What takes a Blob, to make something else of its bytes, " +
		"leaves it empty; what only reads it says so.",
	Operators: "`#blob` is the number of its bytes",
	Functions: []Function{
		{
			Name: "tobuffer", Results: []Param{{Name: "bytes", Type: Buffer}}, Cost: 50, Limits: []string{"heap_bytes"},
			Doc: "Takes the bytes as a buffer.",
			Example: `local blob = require("@antiraid/datamgmt").newblob("abc")
print(buffer.tostring(blob:tobuffer()), #blob) --> abc	0`,
		},
		{
			Name: "drain", Cost: 20, Doc: "Empties the Blob.",
			Example: `local blob = require("@antiraid/datamgmt").newblob("abc")
blob:drain()
print(#blob) --> 0`,
		},
		{
			Name: "zeroize", Cost: 20, Doc: "Empties the Blob and overwrites its bytes with zeros first.",
			Example: `local blob = require("@antiraid/datamgmt").newblob("a secret")
blob:zeroize()
print(#blob) --> 0`,
		},
	},
}

var archiveArea = Area{
	Name: "TarArchive", Kind: Object, Type: "TarArchive",
	Doc:       "Files with names, as a tar archive has them. Only files are read of one, not folders and links; two may have the same name.",
	Operators: "`#archive` is the number of files",
	Functions: []Function{
		{
			Name: "takefile", Args: []Param{nameArg}, Results: []Param{opt(Param{Name: "file", Type: ObjectOf("Blob")})}, Cost: 50,
			Doc: "Takes the first file of that name out of the archive; nil when there is none.",
			Example: `local archive = require("@antiraid/datamgmt").TarArchive()
archive:addfile("a.txt", "hello")
print(#archive:takefile("a.txt"), archive:takefile("a.txt")) --> 5	nil`,
		},
		{
			Name: "addfile", Args: []Param{nameArg, bytesArg}, Cost: 50, Limits: []string{"archive_entries", "heap_bytes"},
			Doc: "Adds a file. A Blob is taken.",
			Example: `local archive = require("@antiraid/datamgmt").TarArchive()
archive:addfile("a.txt", "hello")
print(#archive) --> 1`,
		},
		{
			Name: "entries", Results: []Param{{Name: "names", Type: ListOf(Text)}}, Cost: 50,
			Doc: "Gives the names, in the order of the archive.",
			Example: `local archive = require("@antiraid/datamgmt").TarArchive()
archive:addfile("b", "") archive:addfile("a", "")
print(table.concat(archive:entries(), " ")) --> b a`,
		},
		{
			Name: "toblob", Results: []Param{{Name: "bytes", Type: ObjectOf("Blob")}}, Yields: true, Cost: 100, Limits: heavyLimits,
			Doc: "Writes the archive, with GNU headers. It is used up then.",
			Example: `local datamgmt = require("@antiraid/datamgmt")
local archive = datamgmt.TarArchive()
archive:addfile("a.txt", "hello")
print(#archive:toblob()) --> 2048
print(pcall(function() return archive:entries() end)) --> false	example:5: TarArchive:entries: the archive has been used up by toblob`,
		},
	},
}

var datamgmtArea = Area{
	Name: "@antiraid/datamgmt", Kind: Module,
	Doc: "Bytes: archives, compression, encryption. What takes long waits for it as for a host call, and its work is paid for with CPU time. What a call makes is " +
		"charged to the tenant's memory before it is made; where there is no room it is an error.",
	Functions: []Function{
		{
			Name: "newblob", Args: []Param{bytesArg}, Results: blobResult, Cost: 50, Limits: []string{"heap_bytes"},
			Doc:     "Makes a Blob. A Blob is taken.",
			Example: `print(#require("@antiraid/datamgmt").newblob("abc")) --> 3`,
		},
		{
			Name: "base64encode", Args: []Param{bytesArg}, Results: []Param{{Name: "text", Type: Text}}, Yields: true, Cost: 50, Limits: heavyLimits,
			Doc:     "Writes bytes in base64, with padding. A Blob is only read.",
			Example: `print(require("@antiraid/datamgmt").base64encode("hello")) --> aGVsbG8=`,
		},
		{
			Name: "base64decode", Args: []Param{{Name: "text", Type: Bytes}}, Results: blobResult, Yields: true, Cost: 50, Limits: heavyLimits,
			Doc: "Reads base64 with padding.",
			Example: `local datamgmt = require("@antiraid/datamgmt")
print(buffer.tostring(datamgmt.base64decode("aGVsbG8="):tobuffer())) --> hello
print(pcall(datamgmt.base64decode, "?")) --> false	@antiraid/datamgmt.base64decode: text: not base64 with padding: illegal base64 data at input byte 0`,
		},
		{
			Name: "hexencode", Args: []Param{bytesArg}, Results: []Param{{Name: "text", Type: Text}}, Yields: true, Cost: 50, Limits: heavyLimits,
			Doc:     "Writes bytes in hexadecimal digits. A Blob is only read.",
			Example: `print(require("@antiraid/datamgmt").hexencode("hi")) --> 6869`,
		},
		{
			Name: "hash", Args: []Param{algorithmArg, bytesArg}, Results: blobResult, Yields: true, Cost: 500, Limits: heavyLimits,
			Doc: "Gives the hash of bytes. A Blob is only read.",
			Example: `local datamgmt = require("@antiraid/datamgmt")
print(datamgmt.hexencode(datamgmt.hash("sha1", "abc"))) --> a9993e364706816aba3e25717850c26c9cd0d89d`,
		},
		{
			Name: "hmac", Args: []Param{algorithmArg, keyBytesArg, bytesArg}, Results: blobResult, Yields: true, Cost: 1000, Limits: heavyLimits,
			Doc: "Gives the HMAC of bytes under a key. Blobs are only read. Compare it with `equal`.",
			Example: `local datamgmt = require("@antiraid/datamgmt")
local mac = datamgmt.hmac("sha256", "key", "The quick brown fox jumps over the lazy dog")
print(datamgmt.hexencode(mac)) --> f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8`,
		},
		{
			Name: "equal", Args: []Param{{Name: "a", Type: Bytes}, {Name: "b", Type: Bytes}}, Results: []Param{{Name: "same", Type: Boolean}}, Cost: 50,
			Doc: "Tells whether bytes are the same, in a time that does not tell where they differ. Blobs are only read.",
			Example: `local datamgmt = require("@antiraid/datamgmt")
print(datamgmt.equal("abc", datamgmt.newblob("abc")), datamgmt.equal("abc", "abd")) --> true	false`,
		},
		{
			Name: "argon2id", Args: []Param{{Name: "password", Type: Bytes}, {Name: "salt", Type: Bytes, Doc: "at least eight bytes"}, opt(Param{Name: "options", Type: deriveOptions})},
			Results: blobResult, Yields: true, Cost: 1000, Limits: deriveLimits,
			Doc: "Derives a key from a password with Argon2id, version 1.3. Blobs are only read.",
			Example: `local datamgmt = require("@antiraid/datamgmt")
local key = datamgmt.argon2id("password", "somesalt", { memory_kib = 64, passes = 2, lanes = 1, length = 16 })
print(datamgmt.hexencode(key)) --> 0a96a163decc356a36bb21964238e2e2`,
		},
		{
			Name: "aes256encrypt", Args: []Param{bytesArg, keyBytesArg}, Results: blobResult, Yields: true, Cost: 1000, Limits: deriveLimits,
			Doc: "Encrypts with AES-256-GCM under a key that Argon2id (64 MiB, one pass, four lanes) makes of the given one and a new salt: 8 bytes of salt, 12 of nonce, " +
				"the ciphertext, 16 of tag. A Blob of bytes is taken, the key is only read.",
			Example: `local datamgmt = require("@antiraid/datamgmt")
local secret = datamgmt.aes256encrypt("hello", "a key")
print(#secret) --> 41
print(buffer.tostring(datamgmt.aes256decrypt(secret, "a key"):tobuffer())) --> hello`,
		},
		{
			Name: "aes256decrypt", Args: []Param{bytesArg, keyBytesArg}, Results: blobResult, Yields: true, Cost: 1000, Limits: deriveLimits,
			Doc: "Decrypts what aes256encrypt has made. A Blob of bytes is taken when that works, the key is only read.",
			Example: `local datamgmt = require("@antiraid/datamgmt")
local secret = datamgmt.aes256encrypt("hello", "a key")
print(pcall(datamgmt.aes256decrypt, secret, "another")) --> false	@antiraid/datamgmt.aes256decrypt: the key is another one, or the bytes were changed`,
		},
		{
			Name: "aes256decryptcustom",
			Args: []Param{{Name: "salt", Type: Bytes, Doc: "at least eight bytes"}, {Name: "nonce", Type: Bytes, Doc: "12 bytes"},
				{Name: "ciphertext", Type: Bytes, Doc: "with its tag"}, keyBytesArg},
			Results: blobResult, Yields: true, Cost: 1000, Limits: deriveLimits,
			Doc: "Decrypts what lies in parts. A Blob of ciphertext is taken when that works, the others are only read.",
			Example: `local datamgmt = require("@antiraid/datamgmt")
local secret = datamgmt.aes256encrypt("hello", "a key"):tobuffer()
local function part(from, to)
	return buffer.readstring(secret, from, to - from)
end
local plain = datamgmt.aes256decryptcustom(part(0, 8), part(8, 20), part(20, buffer.len(secret)), "a key")
print(buffer.tostring(plain:tobuffer())) --> hello`,
		},
		{
			Name: "compress", Args: []Param{formatArg, bytesArg, opt(Param{Name: "level", Type: Integer.Between(0, 9), Doc: "9, the best, unless given; 0 stores, 1 is fast"})},
			Results: blobResult, Yields: true, Cost: 1000, Limits: heavyLimits,
			Doc: "Compresses bytes. A Blob is only read.",
			Example: `local datamgmt = require("@antiraid/datamgmt")
print(#datamgmt.compress("gzip", string.rep("a", 1000)) < 50) --> true`,
		},
		{
			Name: "decompress", Args: []Param{formatArg, bytesArg}, Results: blobResult, Yields: true, Cost: 1000,
			Limits: append([]string{"decompress_bytes"}, heavyLimits...),
			Doc:    "Unfolds what was compressed. A Blob is only read. What would be larger than the limit is refused while it is unfolded, whatever its size was said to be.",
			Example: `local datamgmt = require("@antiraid/datamgmt")
local packed = datamgmt.compress("zlib", "hello")
print(buffer.tostring(datamgmt.decompress("zlib", packed):tobuffer())) --> hello
print(pcall(datamgmt.decompress, "gzip", "hello")) --> false	@antiraid/datamgmt.decompress: the bytes are not gzip: unexpected EOF`,
		},
		{
			Name: "TarArchive", Args: []Param{opt(Param{Name: "bytes", Type: Bytes})}, Results: []Param{{Name: "archive", Type: ObjectOf("TarArchive")}},
			Yields: true, Cost: 100, Limits: append([]string{"archive_entries"}, heavyLimits...),
			Doc: "Opens a tar archive, or makes an empty one. A Blob is taken. Sparse files, which need not be there to be large, are refused.",
			Example: `local datamgmt = require("@antiraid/datamgmt")
local made = datamgmt.TarArchive()
made:addfile("a.txt", "hello")
local read = datamgmt.TarArchive(made:toblob())
print(read:entries()[1], buffer.tostring(read:takefile("a.txt"):tobuffer())) --> a.txt	hello`,
		},
	},
}

var (
	nameArg      = Param{Name: "name", Type: Text}
	bytesArg     = Param{Name: "bytes", Type: Bytes}
	keyBytesArg  = Param{Name: "key", Type: Bytes}
	formatArg    = Param{Name: "format", Type: OneOf("gzip", "zlib")}
	algorithmArg = Param{Name: "algorithm", Type: OneOf("sha1", "sha256", "sha384", "sha512")}
	blobResult   = []Param{{Name: "blob", Type: ObjectOf("Blob")}}
	heavyLimits  = []string{"heap_bytes", "heavy_calls_per_worker", "host_calls_per_tenant"}
	deriveLimits = append([]string{"derive_bytes", "derive_passes"}, heavyLimits...)
)

var deriveOptions = RecordOf("Argon2Options", "How hard `argon2id` works. What is left out is as aes256encrypt has it.",
	opt(Param{Name: "memory_kib", Type: Integer.Between(8, 1<<31), Doc: "65536 unless given; at least 8 for each lane"}),
	opt(Param{Name: "passes", Type: Integer.Between(1, 1<<31), Doc: "1 unless given"}),
	opt(Param{Name: "lanes", Type: Integer.Between(1, 16), Doc: "4 unless given"}),
	opt(Param{Name: "length", Type: Integer.Between(4, 512), Doc: "bytes of the key, 32 unless given"}),
)
