// Command netfaults breaks the network between real replicas under load, heals
// it, and checks that nothing was lost, nothing came twice, a connected quorum
// went on, a minority acknowledged nothing, and everyone came back.
//
//	bin/netfaults -rounds 15 -seed 7
//
// Each replica lives in a network namespace of its own, joined to one bridge by
// a veth pair; clients are at the bridge itself. All of that is inside a network
// and a mount namespace that only this command's second process and its children
// are in: the kernel takes everything away when they end, however they end, and
// the host's own network and files are never touched.
//
// Without root, or without ip, tc and nft, it says so and ends with code 0;
// install.sh gets the tools where it can.
//
// # A round
//
// A fault of the deck (plan.go) is put in place for a drawn time. While it lasts,
// either payments sent after it was in place must be acknowledged, because n−f
// replicas are connected with each other and a client reaches them, or none may
// be. After healing, payments must flow, every replica must execute what it
// missed, and bench/trial's check must find everyone at rest in one state within
// its Patience.
//
// # Parts
//
// plan.go draws, weather.go says who hears whom and turns it into rules,
// space.go makes namespaces and sets rules, round.go breaks and heals, main.go
// counts.
//
// Packets are dropped at the receiver, by nftables; netem is not needed. One way
// closed closes both for a TCP connection in the end, but not at once, and not
// for what is on its way.
package main
