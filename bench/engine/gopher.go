package main

import lua "github.com/yuin/gopher-lua"

// gopherVerb makes this program run a script with gopher-lua.
const gopherVerb = "run-gopher-lua"

// runGopher runs one script. Its registry may grow: with the default size some programs overflow it.
func runGopher(path string) error {
	state := lua.NewState(lua.Options{RegistryMaxSize: 1 << 24, RegistryGrowStep: 1 << 14})
	defer state.Close()
	return state.DoFile(path)
}
