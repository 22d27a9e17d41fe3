package mark

// The marks of a client's session.
const (
	ClientNoPrimary Mark = storageEnd + iota
	ClientLinkUp
	ClientOldestToAll
	ClientMovesOn
	ClientMovesToDown
	ClientMalformed
	ClientDropsLiar
	ClientLateReply
	ClientLie
	ClientRepeatedSample
	ClientBudget
	ClientStatus
	ClientOverload
	ClientOverloadElsewhere
	ClientRetries
	ClientRefusedByOne
	ClientRefused
	ClientFewStatuses
	ClientPrimaryDown
	ClientBackoff
	ClientToAll
	ClientGuessToAll
	ClientHearsOfView
	ClientSettles

	clientEnd
)

var clientMarks = [...]Info{
	ClientNoPrimary:         {"client.no_primary", "client", "a request goes to all: the primary's link is down"},
	ClientLinkUp:            {"client.link_up", "client", "a link comes up and gets what waits"},
	ClientOldestToAll:       {"client.oldest_to_all", "client", "the primary's link is lost: the oldest request goes to all"},
	ClientMovesOn:           {"client.moves_on", "client", "the believed primary changes"},
	ClientMovesToDown:       {"client.moves_to_down", "client", "no replica is connected"},
	ClientMalformed:         {"client.malformed", "client", "a frame of a replica is no message"},
	ClientDropsLiar:         {"client.drops_liar", "client", "a replica that lied too often loses its link"},
	ClientLateReply:         {"client.late_reply", "client", "a reply to a request that was answered"},
	ClientLie:               {"client.lie", "client", "a reply proves nothing"},
	ClientRepeatedSample:    {"client.no_sample", "client", "a request that was repeated gives no sample of the round trip"},
	ClientBudget:            {"client.block_budget", "client", "a block had no room for the request: it is sent again"},
	ClientStatus:            {"client.status_error", "client", "a request is refused by the agreed state"},
	ClientOverload:          {"client.overload", "client", "the primary is overloaded"},
	ClientOverloadElsewhere: {"client.overload_elsewhere", "client", "another replica than the primary is overloaded"},
	ClientRetries:           {"client.reject_again", "client", "a reject asks for another try"},
	ClientRefusedByOne:      {"client.refused_by_one", "client", "one replica refuses a request: the others are asked"},
	ClientRefused:           {"client.refused", "client", "f+1 replicas refuse a request for good"},
	ClientFewStatuses:       {"client.few_statuses", "client", "too few replicas have said where they stand"},
	ClientPrimaryDown:       {"client.primary_down", "client", "the reported primary is not connected"},
	ClientBackoff:           {"client.backoff", "client", "an overloaded replica is asked again"},
	ClientToAll:             {"client.to_all", "client", "a request waits for so long that it goes to all"},
	ClientGuessToAll:        {"client.guess_to_all", "client", "the primary is a guess: a new request goes to all"},
	ClientHearsOfView:       {"client.hears_of_view", "client", "a replica reports a higher view than f+1 have"},
	ClientSettles:           {"client.settles", "client", "a guessed primary is confirmed or replaced"},
}
