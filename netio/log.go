package netio

import (
	"fmt"
	"log/slog"
)

// gnetLogger gives gnet's log lines to ours. gnet's information is of no use to
// an operator; its warnings and errors are. Its words are an attribute: a message
// names a kind of line, and kinds are few.
type gnetLogger struct{ to *slog.Logger }

func (g gnetLogger) Debugf(string, ...any) {}
func (g gnetLogger) Infof(string, ...any)  {}
func (g gnetLogger) Warnf(format string, a ...any) {
	g.to.Warn("network library warns", "text", fmt.Sprintf(format, a...))
}
func (g gnetLogger) Errorf(format string, a ...any) {
	g.to.Error("network library fails", "text", fmt.Sprintf(format, a...))
}

// Fatalf does not end the process: the transport's Err does the telling.
func (g gnetLogger) Fatalf(format string, a ...any) {
	g.to.Error("network library fails", "text", fmt.Sprintf(format, a...))
}
