package client

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"quorate/payments"
	"quorate/wire"
)

// receiptFormat is the first field of a receipt file.
const receiptFormat = "quorate-receipt/1"

// ReceiptBytesMax bounds a receipt file: two chunks and three paths in
// hexadecimal take less than 12 KiB.
const ReceiptBytesMax = 64 << 10

// receiptFile is the JSON of a receipt. Numbers above 32 bits are decimal
// strings, since many JSON readers keep 53 bits of a number. Event and result
// are for the reader: they are derived from what is proven.
type receiptFile struct {
	Format  string       `json:"format"`
	Cluster string       `json:"cluster"`
	Epoch   uint64       `json:"epoch,string"`
	Event   eventShown   `json:"event"`
	Result  resultShown  `json:"result"`
	Request requestShown `json:"request"`
	Proof   proofShown   `json:"proof"`
	Block   blockShown   `json:"block"`
}

type eventShown struct {
	Index    uint32         `json:"index"`
	Account  *accountShown  `json:"account,omitempty"`
	Transfer *transferShown `json:"transfer,omitempty"`
}

type accountShown struct {
	ID          string `json:"id"`
	Ledger      uint32 `json:"ledger"`
	Code        uint16 `json:"code"`
	Flags       uint16 `json:"flags"`
	UserData128 string `json:"user_data_128"`
	UserData64  uint64 `json:"user_data_64,string"`
	UserData32  uint32 `json:"user_data_32"`
}

type transferShown struct {
	ID              string `json:"id"`
	DebitAccountID  string `json:"debit_account_id"`
	CreditAccountID string `json:"credit_account_id"`
	Amount          string `json:"amount"`
	PendingID       string `json:"pending_id"`
	Ledger          uint32 `json:"ledger"`
	Code            uint16 `json:"code"`
	Flags           uint16 `json:"flags"`
	Timeout         uint32 `json:"timeout"`
	UserData128     string `json:"user_data_128"`
	UserData64      uint64 `json:"user_data_64,string"`
	UserData32      uint32 `json:"user_data_32"`
}

type resultShown struct {
	Code      uint32 `json:"code"`
	Name      string `json:"name"`
	Timestamp uint64 `json:"timestamp,string"`
}

type requestShown struct {
	Client    uint64 `json:"client,string"`
	Seq       uint64 `json:"seq,string"`
	Op        uint8  `json:"op"`
	BodyBytes uint32 `json:"body_bytes"`
	BodyRoot  string `json:"body_root"`
}

type proofShown struct {
	BodyChunk      string         `json:"body_chunk"`
	BodyPath       []string       `json:"body_path"`
	ResultBytes    uint32         `json:"result_bytes"`
	ResultRoot     string         `json:"result_root"`
	ResultChunk    string         `json:"result_chunk"`
	ResultPath     []string       `json:"result_path"`
	FirstTimestamp uint64         `json:"first_timestamp,string"`
	BlockIndex     uint32         `json:"block_index"`
	BlockPath      []siblingShown `json:"block_path"`
}

type siblingShown struct {
	Side string `json:"side"`
	Hash string `json:"hash"`
}

type blockShown struct {
	Seq         uint64 `json:"seq,string"`
	Time        uint64 `json:"time,string"`
	Parent      string `json:"parent"`
	BatchDigest string `json:"batch_digest"`
	ResultRoot  string `json:"result_root"`
	DeltaDigest string `json:"delta_digest"`
	Pi          string `json:"pi"`
}

// Encode gives the receipt's file: indented JSON and a newline.
func (r *Receipt) Encode() []byte {
	f := receiptFile{
		Format:  receiptFormat,
		Cluster: hex.EncodeToString(r.Scope.Cluster[:]),
		Epoch:   uint64(r.Scope.Epoch),
		Event:   r.showEvent(),
		Result:  r.showResult(),
		Request: requestShown{uint64(r.Client), r.Seq, uint8(r.Op), uint32(r.BodyBytes), hexOf(r.BodyRoot)},
		Proof: proofShown{
			BodyChunk: hex.EncodeToString(r.BodyChunk), BodyPath: hexPath(r.BodyPath),
			ResultBytes: uint32(r.ResultBytes), ResultRoot: hexOf(r.ResultRoot),
			ResultChunk: hex.EncodeToString(r.ResultChunk), ResultPath: hexPath(r.ResultPath),
			FirstTimestamp: r.FirstTimestamp, BlockIndex: r.BlockIndex,
			BlockPath: make([]siblingShown, 0, len(r.BlockPath)),
		},
		Block: blockShown{
			Seq: uint64(r.Header.Seq), Time: r.Header.Time, Parent: hexOf(r.Header.Parent),
			BatchDigest: hexOf(r.Header.BatchDigest), ResultRoot: hexOf(r.Header.ResultRoot),
			DeltaDigest: hexOf(r.Header.DeltaDigest), Pi: r.Pi.String(),
		},
	}
	for _, s := range r.BlockPath {
		side := "right"
		if s.Left {
			side = "left"
		}
		f.Proof.BlockPath = append(f.Proof.BlockPath, siblingShown{side, hexOf(s.Hash)})
	}
	b, err := json.MarshalIndent(&f, "", "  ")
	if err != nil {
		panic("assert: client: a receipt has no JSON: " + err.Error())
	}
	return append(b, '\n')
}

func (r *Receipt) showEvent() eventShown {
	shown := eventShown{Index: uint32(r.EventIndex)}
	if r.Op == wire.OpCreateAccounts {
		var a payments.Account
		mustDecode(a.Decode(r.Event()))
		shown.Account = &accountShown{a.ID.String(), a.Ledger, a.Code, uint16(a.Flags), a.UserData128.String(), a.UserData64, a.UserData32}
		return shown
	}
	var t payments.Transfer
	mustDecode(t.Decode(r.Event()))
	shown.Transfer = &transferShown{
		ID: t.ID.String(), DebitAccountID: t.DebitAccountID.String(), CreditAccountID: t.CreditAccountID.String(),
		Amount: t.Amount.String(), PendingID: t.PendingID.String(), Ledger: t.Ledger, Code: t.Code, Flags: uint16(t.Flags),
		Timeout: t.Timeout, UserData128: t.UserData128.String(), UserData64: t.UserData64, UserData32: t.UserData32,
	}
	return shown
}

func mustDecode(err error) {
	if err != nil {
		panic("assert: client: an event of a receipt: " + err.Error())
	}
}

func (r *Receipt) showResult() resultShown {
	shown := resultShown{Code: r.Code(), Timestamp: r.Timestamp(), Name: payments.TransferCode(r.Code()).String()}
	if r.Op == wire.OpCreateAccounts {
		shown.Name = payments.AccountCode(r.Code()).String()
	}
	return shown
}

func hexOf(d wire.Digest) string { return hex.EncodeToString(d[:]) }

func hexPath(path []wire.Digest) []string {
	out := make([]string, len(path))
	for i := range path {
		out[i] = hexOf(path[i])
	}
	return out
}

// decodeReceipt reads a file into a receipt without judging what it claims.
// Fields for the reader are dropped: VerifyReceipt compares them.
func decodeReceipt(file []byte) (*Receipt, error) {
	if len(file) > ReceiptBytesMax {
		return nil, fmt.Errorf("%w: file of %d bytes is over %d", ErrReceipt, len(file), ReceiptBytesMax)
	}
	var f receiptFile
	dec := json.NewDecoder(bytes.NewReader(file))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("%w: not the JSON of a receipt: %v", ErrReceipt, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: something follows the receipt", ErrReceipt)
	}
	if f.Format != receiptFormat {
		return nil, fmt.Errorf("%w: format %.40q, this build reads %q", ErrReceipt, f.Format, receiptFormat)
	}
	h := hexReader{}
	r := &Receipt{
		Scope:  wire.Scope{Cluster: h.digest(f.Cluster), Epoch: wire.Epoch(f.Epoch)},
		Client: wire.ClientID(f.Request.Client), Seq: f.Request.Seq, Op: wire.Op(f.Request.Op),
		BodyBytes: int(f.Request.BodyBytes), BodyRoot: h.digest(f.Request.BodyRoot), EventIndex: int(f.Event.Index),
		BodyChunk: h.bytes(f.Proof.BodyChunk), BodyPath: h.path(f.Proof.BodyPath),
		ResultBytes: int(f.Proof.ResultBytes), ResultRoot: h.digest(f.Proof.ResultRoot),
		ResultChunk: h.bytes(f.Proof.ResultChunk), ResultPath: h.path(f.Proof.ResultPath),
		FirstTimestamp: f.Proof.FirstTimestamp, BlockIndex: f.Proof.BlockIndex,
		Header: wire.BlockHeader{
			Seq: wire.SeqNum(f.Block.Seq), Time: f.Block.Time, Parent: h.digest(f.Block.Parent),
			BatchDigest: h.digest(f.Block.BatchDigest), ResultRoot: h.digest(f.Block.ResultRoot),
			DeltaDigest: h.digest(f.Block.DeltaDigest),
		},
	}
	r.Pi = h.certificate(f.Block.Pi)
	for _, s := range f.Proof.BlockPath {
		r.BlockPath = append(r.BlockPath, Sibling{Left: s.Side == "left", Hash: h.digest(s.Hash)})
	}
	if h.err != nil {
		return nil, fmt.Errorf("%w: %v", ErrReceipt, h.err)
	}
	return r, nil
}

// hexReader decodes hexadecimal; the first fault sticks.
type hexReader struct{ err error }

func (h *hexReader) bytes(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil && h.err == nil {
		h.err = fmt.Errorf("%.16q: %w", s, err)
	}
	return b
}

func (h *hexReader) fixed(s string, n int) []byte {
	b := h.bytes(s)
	if len(b) != n && h.err == nil {
		h.err = fmt.Errorf("%d bytes, want %d", len(b), n)
	}
	return b
}

func (h *hexReader) digest(s string) (d wire.Digest) {
	copy(d[:], h.fixed(s, len(d)))
	return d
}

func (h *hexReader) certificate(s string) wire.Certificate {
	c, err := wire.NewCertificate(h.bytes(s))
	if err != nil && h.err == nil {
		h.err = err
	}
	return c
}

func (h *hexReader) path(all []string) []wire.Digest {
	if len(all) > wire.MerkleDepthMax {
		if h.err == nil {
			h.err = fmt.Errorf("path of %d steps", len(all))
		}
		return nil
	}
	var path []wire.Digest
	for _, s := range all {
		path = append(path, h.digest(s))
	}
	return path
}
