package engine

import (
	"slices"

	"github.com/refbench/refbench/fuzz/explore/internal/source"
)

// names are what locations are called where the source accesses them.
type names struct {
	files source.Files
	of    map[uint32]string
	taken map[string]int        // how many have it
	at    map[accessAt][]uint32 // the locations of one kind of access, in the order in which they were seen
}

// accessAt is a kind of access on a line.
type accessAt struct {
	file string
	line int
	kind OpKind
}

func (n *names) reset() {
	clear(n.of)
	clear(n.taken)
	clear(n.at)
}

// words are what accesses look like: for source.Files.Operands.
var words = [...][]string{
	OpLoad:     {"Load", "Look"},
	OpStore:    {"Store", "Set"},
	OpSwap:     {"Swap"},
	OpAdd:      {"Add"},
	OpAnd:      {"And"},
	OpOr:       {"Or"},
	OpCAS:      {"CompareAndSwap"},
	OpLock:     {"Lock", "Do"},
	OpTryLock:  {"TryLock"},
	OpUnlock:   {"Unlock"},
	OpRLock:    {"RLock"},
	OpTryRLock: {"TryRLock"},
	OpRUnlock:  {"RUnlock"},
	OpWait:     {"Wait"},
	OpSignal:   {"Signal", "Broadcast", "Done", "Add"},
	OpSend:     {"->", "Send"},
	OpReceive:  {"<-", "Receive"},
	OpClose:    {"close", "Close"},
	OpSelect:   {"select"},
	OpPoll:     {"select"},
	OpTimed:    {"select", "<-"},
	OpPoint:    {"Point"},
	OpRead:     {"Read"},
	OpWrite:    {"Write"},
}

// nameAs gives the location of the access the name that it has on the line, unless it has
// one. If another has the same name it is a second of the kind: of an array, or of
// objects that are called the same where they are used.
func (e *Engine) nameAs(op Op, file string, line int) {
	n := &e.called
	if op.Loc == NoLoc || op.Loc >= LocClock || file == "" || int(op.Kind) >= len(words) || n.of[op.Loc] != "" {
		return
	}
	if n.of == nil {
		n.of, n.taken, n.at = make(map[uint32]string), make(map[string]int), make(map[accessAt][]uint32)
	}
	operands := n.files.Operands(file, line, words[op.Kind])
	if len(operands) == 0 {
		return
	}
	at := accessAt{file, line, op.Kind}
	if !slices.Contains(n.at[at], op.Loc) {
		n.at[at] = append(n.at[at], op.Loc)
	}
	name := operands[min(slices.Index(n.at[at], op.Loc), len(operands)-1)]
	if n.taken[name]++; n.taken[name] > 1 {
		name += " (" + itoa(n.taken[name]) + ")"
	}
	n.of[op.Loc] = name
}
