package sqlstore

// Queries returns the statements that have to go down an index, by name, with
// two scopes where they take scopes. The databases' tests look at their plans.
func Queries() map[string]string {
	return map[string]string{
		"get": withScopes(getSQL, 5, 1, newestSQL), "get by id": getByIDSQL,
		"find": withScopes(findSQL, 4, 1, inOrderSQL), "fetch": fetchSQL,
		"row": rowSQL, "matches": withScopes(matchesSQL, 4, 1, ""), "scopes": scopesSQL,
		"due": dueSQL, "next expiry": nextExpirySQL, "expire": expireSQL,
		"tenant": tenantSQL, "lock": lockTenantSQL, "known": knownSQL, "state": stateSQL, "subscriptions": subscriptionsSQL,
		"template": templateSQL, "templates": templatesSQL, "revision": revisionSQL, "revisions": revisionsSQL,
		"files": filesSQL, "all files": allFilesSQL, "old revisions": oldRevisionsSQL,
		"shop": shopSQL, "shop files": shopFilesSQL, "scope owner": scopeOwnerSQL,
		"global get": globalGetSQL, "answer": answerSQL, "forget": forgetSQL + forgetEndSQL, "object": objectSQL,
	}
}
