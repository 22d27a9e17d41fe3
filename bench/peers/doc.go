// Command peers measures other systems and this one on the same machine with the
// same payments, one system at a time, and prints what each did as a table of
// ratios with their caveats.
//
//	peers run -product ../../bin -out rows.jsonl [-only etcd] [-repeat 3] [-secs 10]
//	peers table rows.jsonl
//
// It is a module of its own, so that the product depends on none of its peers;
// it imports nothing of the product and runs its binaries as a user does.
//
// Children are the same binary with another first argument and a configuration
// in JSON; they end with their parent.
package main
