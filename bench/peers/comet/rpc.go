package comet

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// rpc is a JSON-RPC client of one validator. It reads only what the load needs:
// CometBFT's own client decodes whole blocks by reflection, which would cost more
// than the validators do.
type rpc struct {
	url  string
	http *http.Client
}

func dial(port, conns int) *rpc {
	t := &http.Transport{MaxIdleConnsPerHost: conns, MaxConnsPerHost: conns}
	return &rpc{url: fmt.Sprintf("http://127.0.0.1:%d", port), http: &http.Client{Transport: t}}
}

// rpcError is an error that a validator answers.
type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    string `json:"data"`
}

// call makes one request with a body, or a GET of a path without, and decodes
// the answer.
func (r *rpc) call(ctx context.Context, path string, body []byte, into any) error {
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, r.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("comet: answer %.200q: %w", text, err)
	}
	return nil
}

// sent is the answer to one transaction.
type sent struct {
	ID     int       `json:"id"`
	Error  *rpcError `json:"error"`
	Result struct {
		Code uint32 `json:"code"`
		Log  string `json:"log"`
	} `json:"result"`
}

// broadcast sends transactions in one batch and gives an answer for each, when
// its CheckTx is done.
func (r *rpc) broadcast(ctx context.Context, txs [][]byte) ([]sent, error) {
	b := make([]byte, 0, 256*len(txs))
	for i, tx := range txs {
		b = append(b, ","[:min(i, 1)]...)
		b = fmt.Appendf(b, `{"jsonrpc":"2.0","id":%d,"method":"broadcast_tx_sync","params":{"tx":"`, i)
		b = base64.StdEncoding.AppendEncode(b, tx)
		b = append(b, `"}}`...)
	}
	if len(txs) == 1 { // a batch of one is answered without its brackets
		var one sent
		err := r.call(ctx, "/", b, &one)
		return []sent{one}, err
	}
	var all []sent
	err := r.call(ctx, "/", append(append([]byte("["), b...), ']'), &all)
	if err == nil && len(all) != len(txs) {
		err = fmt.Errorf("comet: %d answers to %d transactions", len(all), len(txs))
	}
	return all, err
}

// height is the newest committed height of a validator that has no more to catch
// up with, and how many peers it is connected to.
func (r *rpc) height(ctx context.Context) (int64, error) {
	var s struct {
		Error  *rpcError `json:"error"`
		Result struct {
			Sync struct {
				Height   string `json:"latest_block_height"`
				Catching bool   `json:"catching_up"`
			} `json:"sync_info"`
		} `json:"result"`
	}
	if err := r.call(ctx, "/status", nil, &s); err != nil {
		return 0, err
	}
	if s.Error != nil || s.Result.Sync.Catching {
		return 0, errors.New("comet: a validator is not ready")
	}
	return strconv.ParseInt(s.Result.Sync.Height, 10, 64)
}

// errNoBlock says that a height is not committed yet.
var errNoBlock = errors.New("comet: no such block yet")

// block gives the transactions of a committed block.
func (r *rpc) block(ctx context.Context, height int64) ([][]byte, error) {
	var s struct {
		Error  *rpcError `json:"error"`
		Result struct {
			Block struct {
				Data struct {
					Txs [][]byte `json:"txs"`
				} `json:"data"`
			} `json:"block"`
		} `json:"result"`
	}
	if err := r.call(ctx, fmt.Sprintf("/block?height=%d", height), nil, &s); err != nil {
		return nil, err
	}
	if s.Error != nil {
		return nil, fmt.Errorf("%w: %s", errNoBlock, s.Error.Data)
	}
	return s.Result.Block.Data.Txs, nil
}

// state reads a validator's balances, and the height that they are of.
func (r *rpc) state(ctx context.Context) (height, failed uint64, balances []uint64, err error) {
	var s struct {
		Error  *rpcError `json:"error"`
		Result struct {
			Response struct {
				Code  uint32 `json:"code"`
				Value []byte `json:"value"`
			} `json:"response"`
		} `json:"result"`
	}
	if err := r.call(ctx, `/abci_query?path="`+queryState+`"`, nil, &s); err != nil {
		return 0, 0, nil, err
	}
	b := s.Result.Response.Value
	if s.Error != nil || len(b) != 8*(2+accounts) {
		return 0, 0, nil, fmt.Errorf("comet: a state of %d bytes", len(b))
	}
	le := binary.LittleEndian
	for at := 16; at < len(b); at += 8 {
		balances = append(balances, le.Uint64(b[at:]))
	}
	return le.Uint64(b), le.Uint64(b[8:]), balances, nil
}
