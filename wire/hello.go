package wire

// HelloVersion is the version of the link protocol: frames, chunks and hellos.
// A peer that says another one is refused; there is no negotiation.
const HelloVersion uint16 = 1

// ExporterLabel is the label with which both ends of a client's TLS connection
// export ExporterBytes of keying material (RFC 8446, section 7.5), no context.
// A client signs them, so a hello proves nothing on any other connection.
const ExporterLabel = "EXPORTER-quorate-client"

// ExporterBytes is the length of the exported keying material.
const ExporterBytes = 32

// ALPN is the protocol name that both ends of every TLS connection offer.
const ALPN = "quorate/1"

const domainClientHello Domain = "quorate/v1/client-hello"

// Link says which of the two connections that one replica opens to another a
// hello is for.
type Link uint8

// The links. Control carries what is small and urgent; Bulk carries what is
// large, so that large never delays urgent.
const (
	LinkControl Link = 0
	LinkBulk    Link = 1
	linkCount        = 2
)

// String names the link.
func (l Link) String() string {
	switch l {
	case LinkControl:
		return "control"
	case LinkBulk:
		return "bulk"
	}
	return "unknown"
}

// Hello is the first frame each way between replicas. The TLS key has already
// said who the sender is; the hello says which cluster it means and repeats the
// id, so that a mistake in configuration has a name.
type Hello struct {
	Version uint16
	Replica ReplicaID // the sender
	Link    Link
	Genesis Digest
}

// Append appends the canonical encoding to b.
func (m *Hello) Append(b []byte) []byte {
	b = appendU16(b, m.Version)
	b = appendU16(b, uint16(m.Replica))
	b = appendU8(b, uint8(m.Link))
	return append(b, m.Genesis[:]...)
}

// DecodeHello reads a hello. It accepts every version, so that the refusal can
// name it.
func DecodeHello(b []byte) (Hello, error) {
	r := reader{rest: b}
	m := Hello{
		Version: r.u16("hello version"),
		Replica: ReplicaID(r.u16("hello replica")),
		Link:    Link(r.u8("hello link")),
		Genesis: r.digest("hello genesis"),
	}
	if m.Link >= linkCount {
		r.fail("hello link is neither control nor bulk")
	}
	return m, r.end()
}

// ClientHello is a client's first frame: who it is, and the proof of it.
type ClientHello struct {
	Version   uint16
	Client    ClientID
	Signature Signature // by the client's registered key over ClientHelloSigningBytes
}

// Append appends the canonical encoding to b.
func (m *ClientHello) Append(b []byte) []byte {
	b = appendU16(b, m.Version)
	b = appendU64(b, uint64(m.Client))
	return append(b, m.Signature[:]...)
}

// DecodeClientHello reads a client hello.
func DecodeClientHello(b []byte) (ClientHello, error) {
	r := reader{rest: b}
	m := ClientHello{
		Version:   r.u16("client hello version"),
		Client:    ClientID(r.u64("client hello client")),
		Signature: r.signature("client hello signature"),
	}
	if r.err == nil && m.Client == 0 {
		r.fail("client hello of client 0")
	}
	return m, r.end()
}

// ClientHelloSigningBytes is the message that a client's Ed25519 key signs to
// open a connection: bound to the cluster by its genesis hash and to this one
// TLS connection by exporter, which is all zero on a plaintext connection.
func ClientHelloSigningBytes(genesis Digest, exporter [ExporterBytes]byte, client ClientID) []byte {
	var id [8]byte
	putUint64(id[:], uint64(client))
	d := Sum(domainClientHello, genesis[:], exporter[:], id[:])
	return d[:]
}

// ServerHello is a replica's answer to a client hello that it accepts; one that
// it does not accept is answered by a Reject with Seq 0.
type ServerHello struct {
	Version       uint16
	Replica       ReplicaID // the sender
	Genesis       Digest
	FrameBytesMax uint32 // largest frame body that the replica takes from a client, bytes
}

// Append appends the canonical encoding to b.
func (m *ServerHello) Append(b []byte) []byte {
	b = appendU16(b, m.Version)
	b = appendU16(b, uint16(m.Replica))
	b = append(b, m.Genesis[:]...)
	return appendU32(b, m.FrameBytesMax)
}

// DecodeServerHello reads a server hello.
func DecodeServerHello(b []byte) (ServerHello, error) {
	r := reader{rest: b}
	m := ServerHello{
		Version:       r.u16("server hello version"),
		Replica:       ReplicaID(r.u16("server hello replica")),
		Genesis:       r.digest("server hello genesis"),
		FrameBytesMax: r.u32("server hello frame bytes max"),
	}
	return m, r.end()
}
