// The second judge of a fault run: porcupine, which searches for an order where the first judge reads zxids.
//
// It looks at the registers only, each by itself: sets, sets on a version, and gets behind a sync. It must
// not look at zxids, or it would be no second opinion. Reads a saved history (see ../ensemble/history.py):
// rows of little-endian int64. The search takes too long for long histories, so it judges a prefix: what
// was asked for later is left out, and what was answered later counts as unanswered. Ends with 0
// (linearizable), 1 (not), 2 (not decided in time, or no history).
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"sort"
	"time"

	"github.com/anishathalye/porcupine"
)

// Columns of a record, in order; the names are those of history.py.
const (
	kind = iota
	space
	session
	node
	number
	value
	partner
	expected
	invokedUs
	returnedUs
	errorCode
	zxid
	czxid
	mzxid
	version
	syncedUs
	width
)

const (
	kindCreate, kindSet, kindGet = 0, 1, 4
	spaceRegister                = 0
	none                         = -1
	ok, unanswered, badVersion   = 0, 1, -103
	forever                      = 1<<62 - 1
)

const deadline = 5 * time.Minute

// Two minutes of load: judged in seconds. Twice as many were not decided in minutes, because each
// unanswered write may stand anywhere behind its beginning.
const operationsMax = 72_000

type record [width]int64

type state struct{ value, version int64 }

// step says whether a register in this state may give this answer, and what it is afterwards.
func step(before, input, _ any) (bool, any) {
	s, op := before.(state), input.(record)
	if op[kind] == kindGet {
		return op[value] == s.value && op[version] == s.version, s
	}
	after := state{op[value], s.version + 1}
	fits := op[expected] == none || op[expected] == s.version
	switch {
	case op[kind] == kindCreate:
		return true, state{op[value], 0}
	case op[errorCode] == ok:
		return fits && after.version == op[version], after
	case op[errorCode] == badVersion:
		return !fits, s
	case fits: // never answered, done whenever it is done
		return true, after
	}
	return true, s
}

func operation(op record) (porcupine.Operation, bool) {
	begin, end := op[invokedUs], op[returnedUs]
	switch {
	case op[space] != spaceRegister:
		return porcupine.Operation{}, false
	case op[kind] == kindGet:
		if op[errorCode] != ok || op[syncedUs] == none {
			return porcupine.Operation{}, false
		}
		begin = op[syncedUs]
	case op[errorCode] != ok && op[errorCode] != unanswered && op[errorCode] != badVersion:
		return porcupine.Operation{}, false // refused by a node that takes no writes
	}
	return porcupine.Operation{Input: op, Call: begin, Return: end}, true
}

func read(file io.Reader) ([]porcupine.Operation, error) {
	var operations []porcupine.Operation
	for {
		var op record
		if err := binary.Read(file, binary.LittleEndian, &op); err == io.EOF {
			return operations, nil
		} else if err != nil {
			return nil, err
		}
		if operation, wanted := operation(op); wanted {
			operation.ClientId = len(operations)
			operations = append(operations, operation)
		}
	}
}

// prefix is a history too: that of somebody who stopped listening at a moment.
func prefix(all []porcupine.Operation) []porcupine.Operation {
	if len(all) <= operationsMax {
		return all
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Call < all[j].Call })
	end := all[operationsMax].Call
	var kept []porcupine.Operation
	for _, one := range all[:operationsMax] {
		op := one.Input.(record)
		if one.Return >= end {
			if op[kind] == kindGet {
				continue
			}
			op[errorCode], one.Return = unanswered, forever
			one.Input = op
		}
		kept = append(kept, one)
	}
	return kept
}

func partition(all []porcupine.Operation) [][]porcupine.Operation {
	registers := map[int64][]porcupine.Operation{}
	for _, one := range all {
		which := one.Input.(record)[number]
		registers[which] = append(registers[which], one)
	}
	var parts [][]porcupine.Operation
	for _, part := range registers {
		parts = append(parts, part)
	}
	return parts
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "second-judge HISTORY")
		os.Exit(2)
	}
	data, err := os.Open(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	operations, err := read(bufio.NewReader(data))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	model := porcupine.Model{
		Init:      func() any { return state{none, none} },
		Step:      step,
		Partition: partition,
	}
	began := time.Now()
	first := prefix(operations)
	result := porcupine.CheckOperationsTimeout(model, first, deadline)
	fmt.Printf("porcupine: the first %d of %d operations on registers: %s in %.1f s\n",
		len(first), len(operations), result, time.Since(began).Seconds())
	switch result {
	case porcupine.Ok:
	case porcupine.Illegal:
		os.Exit(1)
	default:
		os.Exit(2)
	}
}
