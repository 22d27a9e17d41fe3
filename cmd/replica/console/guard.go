package console

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// Bounds of what is answered (C2).
const (
	answersMax   = 8    // requests under way at once
	readsMax     = 2    // of them, those that read the ledger
	urlBytesMax  = 1024 // of a request's path and query
	answerWithin = 3 * time.Second
)

// refusal is an answer that is an error (C4).
type refusal struct {
	status int
	Code   string `json:"code"`  // stable
	Cause  string `json:"cause"` // one line
	Next   string `json:"next"`  // what to do
	Retry  string `json:"retry"` // never, after
}

// Error implements error.
func (r *refusal) Error() string { return r.Code + ": " + r.Cause }

func refuse(status int, code, cause, next string) *refusal {
	return &refusal{status: status, Code: code, Cause: cause, Next: next, Retry: "never"}
}

func busy(cause string) *refusal {
	return &refusal{status: http.StatusServiceUnavailable, Code: "busy", Cause: cause, Next: "ask again in a second", Retry: "after"}
}

// policy is what a browser may do with the page (C5).
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// gate is what stands before a handler.
type gate struct {
	hosts map[string]bool
	slots chan struct{} // one token per answer under way (C2)
}

func newGate(host string) gate {
	return gate{ownHosts(host), make(chan struct{}, answersMax)}
}

// Guard puts what the console has before its own pages before another page of the
// same listener: names that are not this host's, other sites' pages and all that
// is not reading are refused, and answersMax are answered at once. host is that of
// the listener's address.
func Guard(host string, next http.Handler) http.Handler {
	g := newGate(host)
	return g.guard(next)
}

// guard lets through what may be asked, and sets the headers of every answer.
func (g *gate) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		if r := g.admit(q); r != nil {
			if r.status == http.StatusMethodNotAllowed {
				h.Set("Allow", "GET, HEAD")
			}
			fail(w, r)
			return
		}
		select {
		case g.slots <- struct{}{}:
			defer func() { <-g.slots }()
		default:
			fail(w, busy("as many requests are answered as may be at once"))
			return
		}
		next.ServeHTTP(w, q)
	})
}

// admit refuses what nobody has to look at.
func (g *gate) admit(q *http.Request) *refusal {
	switch {
	case q.Method != http.MethodGet && q.Method != http.MethodHead: // Invariant C1
		return refuse(http.StatusMethodNotAllowed, "read_only", "this page only shows; "+method(q)+" is not for it", "use GET; the replica command changes things")
	case len(q.URL.Path)+len(q.URL.RawQuery) > urlBytesMax:
		return refuse(http.StatusRequestURITooLong, "too_long", "path and query are over 1024 bytes", "ask for less")
	case !g.known(q.Host): // Invariant C3
		return refuse(http.StatusMisdirectedRequest, "unknown_host", "this replica does not serve that host name", "use its address, or localhost, in the browser")
	case (strings.HasPrefix(q.URL.Path, "/api/") || strings.HasPrefix(q.URL.Path, "/debug/")) && crossSite(q):
		return refuse(http.StatusForbidden, "cross_site", "another site asked", "open the console itself")
	}
	return nil
}

// method is a request's method, cut to what a log line may hold.
func method(q *http.Request) string { return q.Method[:min(len(q.Method), 16)] }

// crossSite reports whether a browser says that another page makes the request.
func crossSite(q *http.Request) bool {
	site := q.Header.Get("Sec-Fetch-Site")
	return site == "cross-site" || site == "same-site"
}

// ownHosts are the names, beside addresses, under which this replica is asked for.
func ownHosts(configured string) map[string]bool {
	hosts := map[string]bool{"localhost": true}
	if configured != "" {
		hosts[strings.ToLower(configured)] = true
	}
	if name, err := os.Hostname(); err == nil {
		hosts[strings.ToLower(name)] = true
	}
	return hosts
}

// known reports whether a Host header names this replica. A page of another site
// that was rebound to this address still sends its own name.
func (g *gate) known(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	return net.ParseIP(name) != nil || g.hosts[strings.ToLower(name)]
}

// answer writes v as JSON.
func answer(w http.ResponseWriter, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		fail(w, refuse(http.StatusInternalServerError, "internal", "the answer cannot be encoded", "report this with the log of the replica"))
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(append(b, '\n')) // a reader that is gone needs no answer
}

// fail writes a refusal.
func fail(w http.ResponseWriter, err error) {
	r := new(refusal)
	if !errors.As(err, &r) {
		r = refuse(http.StatusInternalServerError, "internal", "the replica could not read its ledger: "+cut(err.Error()), "look at the replica's log; 'replica verify' checks a stopped one")
	}
	b, _ := json.Marshal(map[string]*refusal{"error": r}) // strings alone
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if r.Retry == "after" {
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(append(b, '\n'))
}
