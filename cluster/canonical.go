package cluster

import (
	"encoding/binary"

	"quorate/wire"
)

// domainGenesis separates the genesis hash from every other digest.
const domainGenesis wire.Domain = "quorate/v1/genesis"

// canonical encodes every field in a fixed order, with fixed widths and length
// prefixes, so that two different values have different bytes (invariant G2).
// The YAML text is not hashed: comments and order of keys must not split a
// cluster.
func (g *Genesis) canonical() []byte {
	b := appendText(nil, g.Name)
	b = binary.LittleEndian.AppendUint64(b, uint64(g.Epoch))
	b = binary.LittleEndian.AppendUint64(b, uint64(g.F))
	b = binary.LittleEndian.AppendUint64(b, uint64(g.C))
	b = binary.LittleEndian.AppendUint64(b, uint64(g.Window))
	b = binary.LittleEndian.AppendUint64(b, g.TimeBound)
	b = binary.LittleEndian.AppendUint64(b, g.CreatedAt)
	b = append(b, g.Sigma[:]...)
	b = append(b, g.Tau[:]...)
	b = append(b, g.Pi[:]...)

	b = binary.LittleEndian.AppendUint64(b, uint64(len(g.Members)))
	for i := range g.Members {
		m := &g.Members[i]
		b = binary.LittleEndian.AppendUint16(b, uint16(m.ID))
		b = appendText(b, m.PeerAddr)
		b = appendText(b, m.ClientAddr)
		b = appendText(b, string(m.Identity))
		b = append(b, m.SigmaShare[:]...)
		b = append(b, m.TauShare[:]...)
		b = append(b, m.PiShare[:]...)
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(len(g.Ledgers)))
	for _, l := range g.Ledgers {
		b = binary.LittleEndian.AppendUint32(b, l.Number)
		b = appendText(b, l.Currency)
		b = append(b, l.Scale)
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(len(g.Clients)))
	for i := range g.Clients {
		k := &g.Clients[i]
		b = binary.LittleEndian.AppendUint64(b, uint64(k.ID))
		b = appendText(b, k.Name)
		b = appendText(b, string(k.Key))
		b = binary.LittleEndian.AppendUint32(b, k.Roles)
	}
	if g.Scheme != ThresholdBLS {
		// At the end, so that clusters of the default scheme have the hashes that
		// they had before there was a choice. What is above ends where it says.
		b = appendText(b, string(g.Scheme))
		for i := range g.Members {
			b = appendText(b, string(g.Members[i].VoteKey))
			b = appendText(b, string(g.Members[i].Possession))
		}
	}
	return b
}

func appendText(b []byte, s string) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(len(s)))
	return append(b, s...)
}
