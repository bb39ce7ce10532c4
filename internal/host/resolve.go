package host

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/luau"
)

// The files that give a folder's aliases, one of them: .luaurc in JSON,
// {"aliases": {...}}, or in Luau as configFile is, which returns
// {luau = {aliases = {...}}} or {aliases = {...}}.
const (
	rcFile     = ".luaurc"
	configFile = ".config.luau"
)

// aliasFile is what a .luaurc says: aliases in lower case to where they lead.
type aliasFile struct {
	targets map[string]string
	err     error
}

// resolve gives the file that request means in the file called from. A module is
// named without its extension; one that is a folder is its init file.
//
//	./x       beside the calling module
//	../x      one folder up
//	@self/x   inside the calling module: in its folder, if it is an init file
//	@alias/x  where an alias of the nearest .luaurc leads
func (l *Loader) resolve(from, request string) (string, error) {
	self := modulePath(from)
	var name string
	var err error
	switch {
	case request == "." || request == ".." || strings.HasPrefix(request, "./") || strings.HasPrefix(request, "../"):
		name, err = join(folderOf(self), request)
	case request == "@self" || strings.HasPrefix(request, "@self/"):
		name, err = join(self, "./"+strings.TrimPrefix(strings.TrimPrefix(request, "@self"), "/"))
	case strings.HasPrefix(request, "@"):
		name, err = l.resolveAlias(from, request[1:])
	default:
		return "", fmt.Errorf(`a path must start with "./", "../" or "@"`)
	}
	if err != nil {
		return "", err
	}
	return l.find(name)
}

// modulePath gives the name of the module that a file is, "" for the root's init file.
func modulePath(file string) string {
	file = strings.TrimSuffix(strings.TrimSuffix(file, ".luau"), ".lua")
	if file == "init" {
		return ""
	}
	return strings.TrimSuffix(file, "/init")
}

// folderOf gives the folder that a module lies in; the root's init file lies in the root.
func folderOf(module string) string {
	if i := strings.LastIndexByte(module, '/'); i >= 0 {
		return module[:i]
	}
	return ""
}

// join walks a relative path from a folder.
func join(folder, relative string) (string, error) {
	var at []string
	if folder != "" {
		at = strings.Split(folder, "/")
	}
	for part := range strings.SplitSeq(relative, "/") {
		switch part {
		case "", ".":
		case "..":
			if len(at) == 0 {
				return "", fmt.Errorf("the path leaves the template")
			}
			at = at[:len(at)-1]
		default:
			at = append(at, part)
		}
	}
	return strings.Join(at, "/"), nil
}

// find gives the only file that the module of that name can be.
func (l *Loader) find(name string) (string, error) {
	var found []string
	for _, ending := range []string{".luau", ".lua", "/init.luau", "/init.lua"} {
		file := strings.TrimPrefix(name+ending, "/")
		if _, ok := l.files[file]; ok && (name != "" || ending[0] == '/') {
			found = append(found, file)
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("the template has no module %q", name)
	case 1:
		if found[0] == khronos.InitFile && l.own == nil {
			return "", fmt.Errorf("%s is what the template begins with, not a module", khronos.InitFile)
		}
		return found[0], nil
	}
	return "", fmt.Errorf("ambiguous: both %s and %s exist", found[0], found[1])
}

// resolveAlias follows "alias/x" by the nearest .luaurc that knows the alias.
func (l *Loader) resolveAlias(from, request string) (string, error) {
	alias, rest, _ := strings.Cut(request, "/")
	for folder := path.Dir(from); ; folder = path.Dir(folder) {
		if folder == "." {
			folder = ""
		}
		rc := l.readAliases(folder)
		if rc.err != nil {
			return "", rc.err
		}
		if target, ok := rc.targets[strings.ToLower(alias)]; ok {
			base, err := join(rooted(folder, target), target)
			if err != nil {
				return "", fmt.Errorf("alias @%s: %w", alias, err)
			}
			return join(base, rest)
		}
		if folder == "" {
			return "", fmt.Errorf("no %s has an alias @%s", rcFile, alias)
		}
	}
}

// rooted gives the folder that an alias's target counts from: one with a leading
// slash the root of the template, any other the folder of its .luaurc.
func rooted(folder, target string) string {
	if strings.HasPrefix(target, "/") {
		return ""
	}
	return folder
}

// readAliases gives what a folder says of aliases; nothing if it has no such file.
func (l *Loader) readAliases(folder string) aliasFile {
	if rc, ok := l.aliases[folder]; ok {
		return rc
	}
	rc := l.parseAliases(strings.TrimPrefix(folder+"/"+rcFile, "/"), strings.TrimPrefix(folder+"/"+configFile, "/"))
	l.aliases[folder] = rc
	return rc
}

func (l *Loader) parseAliases(rcName, configName string) aliasFile {
	rc, isRC := l.files[rcName]
	config, isConfig := l.files[configName]
	file := rcName
	if isConfig {
		file = configName
	}
	var aliases map[string]string
	var err error
	switch {
	case isRC && isConfig:
		return aliasFile{err: fmt.Errorf("ambiguous: both %s and %s exist", rcName, configName)}
	case isConfig:
		aliases, err = l.luauAliases(file, config)
	case isRC && strings.HasPrefix(strings.TrimSpace(rc), "{"):
		aliases, err = jsonAliases(file, rc)
	case isRC:
		aliases, err = l.luauAliases(file, rc)
	}
	if err != nil {
		return aliasFile{err: err}
	}
	targets := make(map[string]string, len(aliases))
	for alias, target := range aliases {
		lower := strings.ToLower(alias)
		if _, twice := targets[lower]; twice {
			return aliasFile{err: fmt.Errorf("%s: the alias %q is there twice", file, lower)}
		}
		targets[lower] = target
	}
	return aliasFile{targets: targets}
}

func jsonAliases(file, source string) (map[string]string, error) {
	var content struct {
		Aliases map[string]string `json:"aliases"`
	}
	if err := json.Unmarshal([]byte(source), &content); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return content.Aliases, nil
}

// What a configuration in Luau may use: it is a table written down, not a program.
const (
	configFuel  = 100_000
	configBytes = 1 << 20
)

// luauAliases runs a configuration in Luau in a machine of its own, which has the
// language and nothing of the platform. The script that asks pays for it.
func (l *Loader) luauAliases(file, source string) (map[string]string, error) {
	code, err := luau.Compile("="+file, []byte(source))
	if err != nil {
		return nil, newSourceError(file, err)
	}
	vm := luau.NewVM(luau.Standard(), luau.Config{Account: luau.NewAccount(configBytes)})
	defer func() {
		l.unpaid += vm.FuelUsed() + int64(len(source))*compileFuel
		vm.Close()
	}()
	vm.SetFuel(configFuel)
	fn, err := vm.NewFunction(luau.Load(luau.Standard(), code), nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	co, err := vm.NewThread(fn)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	st, err := vm.Resume(co)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", file, err)
	case st != luau.StatusDone || len(co.Results()) == 0:
		return nil, fmt.Errorf("%s: it must return a table", file)
	}
	return aliasesOf(file, co.Results()[0])
}

// aliasesOf reads {luau = {aliases = {...}}} or {aliases = {...}}.
func aliasesOf(file string, config luau.Value) (map[string]string, error) {
	inside := func(v luau.Value, name string) (luau.Value, error) {
		if v.Kind() != luau.KindTable {
			return luau.Nil, fmt.Errorf("%s: it must return a table with a table of aliases", file)
		}
		return v.AsTable().GetStr(luau.Const(name).AsString()), nil
	}
	inner, err := inside(config, "luau")
	if err != nil {
		return nil, err
	}
	if !inner.IsNil() {
		config = inner
	}
	table, err := inside(config, "aliases")
	if err != nil || table.IsNil() {
		return nil, err
	}
	if table.Kind() != luau.KindTable {
		return nil, fmt.Errorf("%s: its aliases must be a table", file)
	}
	aliases := map[string]string{}
	for next, k, v, ok := table.AsTable().NextIndex(0); ok; next, k, v, ok = table.AsTable().NextIndex(next) {
		if k.Kind() != luau.KindString || v.Kind() != luau.KindString {
			return nil, fmt.Errorf("%s: aliases and where they lead must be strings", file)
		}
		aliases[k.AsString().Str()] = v.AsString().Str()
	}
	return aliases, nil
}
