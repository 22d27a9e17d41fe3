package netio

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"time"

	"quorate/cluster"
	"quorate/wire"
)

// Errors of the check of a peer's certificate.
var (
	errCertificate = errors.New("not one valid Ed25519 certificate")
	errKey         = errors.New("the certificate's key is not the expected one")
)

// IdentityCertificate makes the certificate that a replica shows on every
// connection: self-signed, of its identity key, valid from an hour before now
// for ten years. Nothing in it is believed but its key and its time.
func IdentityCertificate(key ed25519.PrivateKey, id wire.ReplicaID, now time.Time) (tls.Certificate, error) {
	pub := key.Public().(ed25519.PublicKey)
	serial := sha256.Sum256(pub)
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial[:16]),
		Subject:      pkix.Name{CommonName: fmt.Sprintf("quorate replica %d", id)},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(10, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, pub, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("netio: certificate of replica %d: %w", id, err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("netio: certificate of replica %d: %w", id, err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

// ServerTLS is the server's half. With members, a client certificate of one
// member's identity key is demanded (the replicas' port); with nil, none is
// asked for (the clients' port).
func ServerTLS(cert tls.Certificate, members []cluster.Member) *tls.Config {
	c := baseTLS(cert)
	if members != nil {
		// Any: there is no authority; VerifyConnection pins the key instead.
		c.ClientAuth = tls.RequireAnyClientCert
		c.VerifyConnection = func(cs tls.ConnectionState) error {
			_, err := peerOf(&cs, members)
			return err
		}
	}
	return c
}

// ClientTLS is the client's half: the server must prove the key pin, the
// identity key of the replica that the caller means to reach. A replica shows
// its own certificate; a client passes an empty one.
func ClientTLS(cert tls.Certificate, pin ed25519.PublicKey) *tls.Config {
	c := baseTLS(cert)
	// There are no authorities and no names here: VerifyConnection, which this
	// does not turn off, pins the key.
	c.InsecureSkipVerify = true
	c.VerifyConnection = func(cs tls.ConnectionState) error {
		key, err := provenKey(&cs)
		if err != nil {
			return err
		}
		if !key.Equal(pin) {
			return errKey
		}
		return nil
	}
	return c
}

func baseTLS(cert tls.Certificate) *tls.Config {
	c := &tls.Config{
		MinVersion:                  tls.VersionTLS13,
		NextProtos:                  []string{wire.ALPN},
		SessionTicketsDisabled:      true,
		DynamicRecordSizingDisabled: true, // we always write as much as there is
	}
	if len(cert.Certificate) > 0 {
		c.Certificates = []tls.Certificate{cert}
	}
	return c
}

// provenKey is the key that the peer proved in this handshake. The certificate
// must be one, in its time, and of an Ed25519 key; its names, extensions and
// own signature say nothing that the handshake has not proven.
func provenKey(cs *tls.ConnectionState) (ed25519.PublicKey, error) {
	if cs.Version != tls.VersionTLS13 || cs.NegotiatedProtocol != wire.ALPN || len(cs.PeerCertificates) != 1 {
		return nil, errCertificate
	}
	cert := cs.PeerCertificates[0]
	key, ok := cert.PublicKey.(ed25519.PublicKey)
	now := time.Now()
	if !ok || len(key) != ed25519.PublicKeySize || now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return nil, errCertificate
	}
	return key, nil
}

// peerOf is the member whose key the peer proved.
func peerOf(cs *tls.ConnectionState, members []cluster.Member) (wire.ReplicaID, error) {
	key, err := provenKey(cs)
	if err != nil {
		return 0, err
	}
	for i := range members {
		if key.Equal(members[i].Identity) {
			return members[i].ID, nil
		}
	}
	return 0, errKey
}
