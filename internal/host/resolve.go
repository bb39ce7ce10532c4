package host

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/template-worker/template-worker/internal/khronos"
)

// rcFile is the file that gives a folder's aliases.
const rcFile = ".luaurc"

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
		if found[0] == khronos.InitFile {
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

// readAliases gives what the .luaurc of a folder says; nothing if it has none.
func (l *Loader) readAliases(folder string) aliasFile {
	if rc, ok := l.aliases[folder]; ok {
		return rc
	}
	rc := aliasFile{targets: map[string]string{}}
	file := strings.TrimPrefix(folder+"/"+rcFile, "/")
	if source, ok := l.files[file]; ok {
		var content struct {
			Aliases map[string]string `json:"aliases"`
		}
		if err := json.Unmarshal([]byte(source), &content); err != nil {
			rc.err = fmt.Errorf("%s: %w", file, err)
		}
		for alias, target := range content.Aliases {
			rc.targets[strings.ToLower(alias)] = target
		}
	}
	l.aliases[folder] = rc
	return rc
}
