package client

import "time"

// congestion is how many requests a session keeps under way. It is TCP's
// (RFC 5681) with a refusal for overload, or a request sent again because no
// answer came, in the place of a lost segment: half as many, and up again by one
// for each answer, or by one for each windowful above the place of the last loss.
// Without it a client far above what the cluster can do keeps its whole window
// there: the primary spends its time on refusing and on copies, and does less
// than it could.
type congestion struct {
	room      float64       // requests that may be under way, 1 to WindowMax
	threshold float64       // below it, room grows fast
	until     time.Duration // losses before this moment are of what was sent before the last cut
	backoff   int           // doublings of the retry timer, until an answer gives a sample again
}

// mostDoublings bounds the doublings; RetryMax caps the timer before.
const mostDoublings = 6

func newCongestion() congestion { return congestion{room: WindowMax, threshold: WindowMax} }

// free reports whether one more request may be sent beside those under way.
func (c *congestion) free(underWay int) bool { return float64(underWay) < c.room }

// lost halves what may be under way, once per round trip.
func (c *congestion) lost(now, roundTrip time.Duration, underWay int) {
	if now < c.until {
		return
	}
	c.threshold = max(1, min(c.room, float64(underWay))/2)
	c.room, c.until = c.threshold, now+roundTrip
}

// late is lost for a request whose answer did not come in time. New requests are
// given more time too: a round trip that only repeated requests would show is
// never measured (Karn), so the timer would stay too short for ever.
func (c *congestion) late(now, roundTrip time.Duration, underWay int) {
	if now >= c.until {
		c.backoff = min(c.backoff+1, mostDoublings)
	}
	c.lost(now, roundTrip, underWay)
}

// answered makes room after a request was answered that was sent once.
func (c *congestion) answered() {
	c.backoff = 0
	if c.room < c.threshold {
		c.room++
	} else {
		c.room += 1 / c.room
	}
	c.room = min(c.room, WindowMax)
}
