package main

const (
	perReplica = "{{instance}}"
	cluster    = "cluster"
)

// boards are the dashboards, from the whole to its parts.
var boards = []board{
	{"quorate-overview", "Quorate: overview", []panel{
		{"Replicas up", "short", "A cluster of 3f+2c+1 goes on without f.", []line{{`sum by (job) (up{job="quorate"})`, "up"}, {`quorate_peers_up`, perReplica + " reaches"}}},
		{"Events executed", "ops", "Accounts and transfers a second, failed ones included.", []line{{`quorate:events_executed:rate1m`, cluster}}},
		{"View", "short", "A step is a new primary.", []line{{`quorate_view`, perReplica}}},
		{"Slots behind the first", "short", "Near zero, but for a replica that catches up.", []line{{`quorate:executed_seq:lag`, perReplica}}},
		{"Slow commits", "percentunit", "Zero while all replicas are up and honest.", []line{{`quorate:commits_slow:ratio5m`, cluster}}},
		{"Refused requests", "ops", "By reason; overload and disk_low pass.", []line{{`sum by (code) (rate(quorate_rejects_total[1m])) > 0`, "{{code}}"}}},
		{"Something lies", "short", "Since start; any is one too many.", []line{{`quorate_evidence_total`, perReplica + " evidence"}, {`quorate_replicas_banned_total`, perReplica + " bans"}}},
		{"May not vote, no disk", "short", "1 is bad.", []line{{`quorate_amnesia`, perReplica + " amnesia"}, {`quorate_disk_low`, perReplica + " disk low"}}},
	}},
	{"quorate-consensus", "Quorate: consensus", []panel{
		{"Commits by path", "ops", "Fast needs all but c replicas.", []line{{`max by (path) (rate(quorate_commits_total[1m]))`, "{{path}}"}}},
		{"Slots in flight", "short", "Proposed and not executed.", []line{{`quorate_slots_in_flight`, perReplica}}},
		{"Active in a view", "short", "0 on the way into one.", []line{{`quorate_view_active`, perReplica}}},
		{"Views entered", "short", "In five minutes.", []line{{`increase(quorate_view_changes_total[5m])`, perReplica}}},
		{"Complaints", "short", "Of each replica about a primary, in five minutes.", []line{{`increase(quorate_complaints_total[5m])`, perReplica}}},
		{"Messages that changed nothing", "ops", "duplicate and window are usual; forged is not.", []line{{`sum by (reason) (rate(quorate_peer_rejects_total[1m])) > 0`, "{{reason}}"}}},
		{"Checkpoints", "short", "Executed slots that no stable checkpoint covers: a saw tooth.", []line{{`quorate:executed_seq:past_stable`, perReplica}, {`rate(quorate_checkpoints_stable_total[5m])`, perReplica + " per second"}}},
		{"Blocks served", "ops", "To replicas that are behind.", []line{{`rate(quorate_blocks_served_total[1m])`, perReplica}}},
	}},
	{"quorate-pipeline", "Quorate: pipeline", []panel{
		{"Queues", "short", "The longest of all replicas; the first full one is the narrow place.", []line{{`max by (queue) (quorate_queue_depth)`, "{{queue}}"}}},
		{"Requests a batch", "short", "Small batches and full queues do not go together.", []line{{`quorate:batch_requests:mean5m`, cluster}}},
		{"Client signatures checked", "ops", "", []line{{`rate(quorate_requests_verified_total[1m])`, perReplica}}},
		{"Bodies held", "short", "Batches in memory; bounded by the window.", []line{{`quorate_bodies_held`, perReplica}}},
		{"Messages lost on the way", "ops", "Sends whose link was down or full, and frames whose ring was full.", []line{{`rate(quorate_sends_failed_total[1m])`, perReplica + " send"}, {`rate(quorate_peer_dropped_total[1m])`, perReplica + " dropped"}, {`rate(quorate_peer_stale_total[1m])`, perReplica + " stale"}}},
		{"Links", "Bps", "Bytes after authentication.", []line{{`sum by (direction) (rate(quorate_link_bytes_total[1m]))`, "{{direction}}"}}},
		{"Refused by the transport", "ops", "By cause.", []line{{`sum by (cause) (rate(quorate_link_rejects_total[1m])) > 0`, "{{cause}}"}, {`rate(quorate_peer_malformed_total[1m]) > 0`, perReplica + " malformed"}}},
		{"Connections", "short", "Clients, and those not authenticated yet.", []line{{`quorate_link_connections`, perReplica + " {{state}}"}}},
		{"Bytes that wait", "bytes", "To be sent, and of unfinished frames.", []line{{`quorate_link_held_bytes`, perReplica + " {{queue}}"}}},
		{"CPU", "short", "Cores in use.", []line{{`rate(process_cpu_seconds_total{job="quorate"}[1m])`, perReplica}}},
	}},
	{"quorate-storage", "Quorate: storage", []panel{
		{"Journal sync, p99", "s", "On the path of every vote.", []line{{`quorate:journal_sync_seconds:p99_5m`, perReplica}}},
		{"Journal syncs", "ops", "Groups a second.", []line{{`rate(quorate_journal_sync_seconds_count[1m])`, perReplica}}},
		{"Ledger commit, p99", "s", "Off the path of the reply.", []line{{`quorate:ledger_commit_seconds:p99_5m`, perReplica}}},
		{"Executed, not durable in the ledger", "short", "Slots; the journal holds them.", []line{{`quorate:executed_seq:past_ledger`, perReplica}}},
		{"Disk low", "short", "1 while new requests are refused.", []line{{`quorate_disk_low`, perReplica}}},
		{"Memory", "bytes", "Resident.", []line{{`process_resident_memory_bytes{job="quorate"}`, perReplica}}},
	}},
	{"quorate-payments", "Quorate: payments", []panel{
		{"Events executed", "ops", "Every replica executes all.", []line{{`rate(quorate_events_executed_total[1m])`, perReplica}}},
		{"Blocks executed", "ops", "", []line{{`quorate:blocks_executed:rate1m`, cluster}}},
		{"Execution of a block, p99", "s", "", []line{{`quorate:execute_seconds:p99_5m`, perReplica}}},
		{"Payers' signatures", "ops", "Of payments that are signed one by one; bad ones are refused alone.", []line{{`rate(quorate_payer_signatures_verified_total[1m])`, perReplica}, {`rate(quorate_payer_signatures_bad_total[1m])`, perReplica + " bad"}}},
		{"Certified replies", "ops", "", []line{{`sum by (job) (rate(quorate_replies_sent_total[1m]))`, "sent"}, {`sum by (job) (rate(quorate_replies_failed_total[1m]))`, "client gone"}}},
		{"Refused requests", "ops", "By reason.", []line{{`sum by (code) (rate(quorate_rejects_total[1m])) > 0`, "{{code}}"}}},
	}},
}
