package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/template-worker/template-worker/internal/auth"
	"github.com/template-worker/template-worker/internal/khronos"
)

func (a *app) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "token", Short: "Make tokens for the internal API", Args: noSubcommand, RunE: showHelp}
	cmd.AddCommand(a.tokenCreate())
	return cmd
}

func (a *app) tokenCreate() *cobra.Command {
	var user string
	var ttl time.Duration
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make an internal token, signed with the data folder's key",
		Example: "  export TW_TOKEN=$(template-worker token create --ttl 24h)\n" +
			"  curl -H \"Authorization: Internal $TW_TOKEN\" http://127.0.0.1:8700/i/workers",
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			id := cfg.RootUsers[0]
			if user != "" {
				if id, err = khronos.ParseSnowflake(user); err != nil {
					return usageErrorf("--user: %v", err)
				}
			}
			if ttl == 0 {
				ttl = cfg.Limits.TokenTTL
			}
			key, err := auth.LoadKey(cfg.DataDir)
			if err != nil {
				return withTry(err, "template-worker serve makes the key on its first start; or --data-dir DIR")
			}
			token, err := key.Sign(id, ttl)
			if err != nil {
				return usageErrorf("%v", err)
			}
			if a.json {
				return a.printJSON(map[string]any{"token": token, "user": id.String(), "expires_at": time.Now().Add(ttl).UTC().Truncate(time.Second)})
			}
			fmt.Fprintln(a.out, token)
			return nil
		},
	}
	cmd.Flags().StringVar(&user, "user", "", "user id the token speaks for (default: the first of root_users)")
	cmd.Flags().DurationVar(&ttl, "ttl", 0, "how long it is valid (default: the limit token_ttl)")
	return cmd
}
