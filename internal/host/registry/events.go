package registry

import (
	"slices"
	"strings"
)

// EventNames returns the names of the events that the platform raises, sorted:
// those of the Discord gateway, a message's creation as MESSAGE, and our own. It
// must not be changed.
func EventNames() []string { return eventNames }

// Raised tells whether the platform raises events of that name; nobody else may.
func Raised(event string) bool {
	_, found := slices.BinarySearch(eventNames, event)
	return found || strings.HasPrefix(event, "Web")
}

var eventNames = spell(
	"OnStartup KeyExpiry",
	"APPLICATION_COMMAND_PERMISSIONS_UPDATE AUTO_MODERATION_ACTION_EXECUTION ENTITLEMENT_{CREATE,UPDATE,DELETE}",
	"AUTO_MODERATION_RULE_{CREATE,UPDATE,DELETE} CHANNEL_{CREATE,UPDATE,DELETE} CHANNEL_PINS_UPDATE",
	"THREAD_{CREATE,UPDATE,DELETE} THREAD_LIST_SYNC THREAD_MEMBER_UPDATE THREAD_MEMBERS_UPDATE",
	"GUILD_UPDATE GUILD_AUDIT_LOG_ENTRY_CREATE GUILD_BAN_{ADD,REMOVE} GUILD_EMOJIS_UPDATE GUILD_STICKERS_UPDATE GUILD_INTEGRATIONS_UPDATE",
	"GUILD_MEMBER_{ADD,REMOVE,UPDATE} GUILD_MEMBERS_CHUNK GUILD_ROLE_{CREATE,UPDATE,DELETE}",
	"GUILD_SCHEDULED_EVENT_{CREATE,UPDATE,DELETE,USER_ADD,USER_REMOVE}",
	"GUILD_SOUNDBOARD_SOUND_{CREATE,UPDATE,DELETE} GUILD_SOUNDBOARD_SOUNDS_UPDATE SOUNDBOARD_SOUNDS",
	"INTEGRATION_{CREATE,UPDATE,DELETE} INTERACTION_CREATE INVITE_{CREATE,DELETE}",
	"MESSAGE MESSAGE_{UPDATE,DELETE,DELETE_BULK} MESSAGE_REACTION_{ADD,REMOVE,REMOVE_ALL,REMOVE_EMOJI} MESSAGE_POLL_VOTE_{ADD,REMOVE}",
	"PRESENCE_UPDATE STAGE_INSTANCE_{CREATE,UPDATE,DELETE} SUBSCRIPTION_{CREATE,UPDATE,DELETE} TYPING_START USER_UPDATE",
	"VOICE_CHANNEL_EFFECT_SEND VOICE_STATE_UPDATE VOICE_SERVER_UPDATE WEBHOOKS_UPDATE",
)

// spell writes out names of the form A_{B,C}.
func spell(lines ...string) []string {
	var names []string
	for _, word := range strings.Fields(strings.Join(lines, " ")) {
		stem, endings, ok := strings.Cut(strings.TrimSuffix(word, "}"), "{")
		if !ok {
			names = append(names, word)
			continue
		}
		for ending := range strings.SplitSeq(endings, ",") {
			names = append(names, stem+ending)
		}
	}
	slices.Sort(names)
	return names
}
