package host

// runtimeFunctions is ctx.Runtime: what a template may know of the installation
// and of its tenant.
var runtimeFunctions = []function{
	// links() -> {support_server, api_url, frontend_url, docs_url}
	{"links", "runtime:links", "runtime.links", 100, nil, finishFrozen},
	// stats() -> {total_guilds, total_cached_guilds, total_users, last_started_at}
	{"stats", "runtime:stats", "runtime.stats", 100, nil, finishFrozen},
	// gettenantstate() -> {events, banned, data}, a copy
	{"gettenantstate", "runtime:gettenantstate", "runtime.gettenantstate", 100, nil, finishValue},
}
