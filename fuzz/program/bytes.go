package program

import "github.com/refbench/refbench/strategies/spec"

// Bounds is how large a program is that bytes decode to. A fuzz input that asks for
// more gets a program of this size, and the bytes that are left over.
type Bounds struct{ Objects, Threads, Steps int }

// ByteThreads is how many threads the byte form has room for.
const ByteThreads = 4

// largest are the bounds of every program that comes from bytes.
var largest = Bounds{MaxObjects, ByteThreads, MaxSteps}

// The byte form of a program:
//
//	header   1 byte   bits 0-1 threads - 1, bits 2-3 objects - 1, bits 4-7 ignored
//	objects  1 byte each
//	                  bits 0-3 K
//	                  bits 4-5 start: 0 and 3 Init, 1 InitAt(K), or Init if K is 0,
//	                           2 InitAt(limit-K)
//	                  bit  6   SwitchToAtomic follows
//	                  bit  7   ignored
//	steps    2 bytes each, those of all threads mixed
//	   first          bits 0-4 operation: see spec.OpOfCode
//	                  bits 5-7 number, low bits
//	   second         bits 0-1 thread, modulo their number
//	                  bits 2-3 object, modulo their number
//	                  bits 4-7 number, high bits
//	end      1 byte   0xff as the first byte of a step
//
// Missing bytes are 0; a program without an end ends with the bytes, or after as many
// steps as the bounds allow. Every step takes the same room and says whose it is,
// so a mutation that inserts, removes or repeats bytes leaves most of the
// program as it was.
//
// The byte form says nothing of Power, Cached, Immortal and Wild.
const (
	endByte  = 0xff
	codeBits = 5 // spec.CodeCount codes
)

// Numbers have 7 bits. Codes below 64 are the numbers from 1 to 64. Above them come
// 2^k-1 and 2^k for k from 7 to 31, at which counts of 8, 16, 24 and 32 bits
// overflow, and then numbers from 1 to 14 again.
const (
	smallNumbers = 64
	firstPower   = 7
	lastPower    = 31
	powerCodes   = 2 * (lastPower - firstPower + 1)
)

func number(code byte) int64 {
	c := int64(code)
	if c < smallNumbers {
		return c + 1
	}
	if c -= smallNumbers; c < powerCodes {
		return 1<<(firstPower+c/2) - 1 + c%2
	}
	return c - powerCodes + 1
}

// numberCode returns the smallest code of the number.
func numberCode(n int64) (byte, bool) {
	for c := range byte(smallNumbers + powerCodes) {
		if number(c) == n {
			return c, true
		}
	}
	return 0, false
}

// Decode returns the program that the bytes hold, and the bytes after it, which may
// serve as a schedule or as a seed. Any bytes hold a program.
func Decode(data []byte) (p Program, rest []byte) {
	rest = largest.Decode(&p, data)
	return p, rest
}

// Decode makes p the program that the bytes hold, and returns the bytes after it. It
// uses the memory that p has; the zero Program will do. Bounds of 0 mean 1, and none
// are larger than those of every program.
func (b Bounds) Decode(p *Program, data []byte) (rest []byte) {
	next := func() byte {
		if len(data) == 0 {
			return 0
		}
		v := data[0]
		data = data[1:]
		return v
	}
	header := next()
	threads := min(1+int(header&3), max(1, b.Threads))
	objects := min(1+int(header>>2&3), max(1, b.Objects))
	p.Objects = p.Objects[:0]
	for range objects {
		v := next()
		o := Object{Start: Start(v >> 4 & 3), K: v & 15, Atomic: v>>6&1 != 0}
		if o.Start == starts || o.Start == StartAt && o.K == 0 {
			o.Start = StartInit
		}
		if o.Start == StartInit {
			o.K = 0
		}
		p.Objects = append(p.Objects, o)
	}
	if cap(p.Threads) < threads {
		p.Threads = append(p.Threads[:cap(p.Threads)], make([]Thread, threads-cap(p.Threads))...)
	}
	p.Threads = p.Threads[:threads]
	for i := range p.Threads {
		p.Threads[i] = p.Threads[i][:0]
	}
	for steps := max(1, min(b.Steps, MaxSteps)); len(data) > 0; steps-- {
		if data[0] == endByte {
			return data[1:]
		}
		if steps == 0 {
			break
		}
		first, second := next(), next()
		s := Step{Object: second >> 2 & 3 % byte(objects)}
		if s.Call.Op = spec.OpOfCode(first); s.Call.Op.TakesNumber() {
			s.Call.N = number(first>>codeBits | second>>4<<3)
		}
		t := &p.Threads[int(second&3)%threads]
		*t = append(*t, s)
	}
	return data
}

// Encode returns bytes that decode to p, with nothing after it. p must be a program, see
// Check, of at most ByteThreads threads.
func (p *Program) Encode() []byte {
	b := []byte{byte(len(p.Threads)-1) | byte(len(p.Objects)-1)<<2}
	for _, o := range p.Objects {
		v := o.K | byte(o.Start)<<4
		if o.Atomic {
			v |= 1 << 6
		}
		b = append(b, v)
	}
	for i, t := range p.Threads {
		for _, s := range t {
			code, _ := s.Call.Op.Code()
			var n byte
			if s.Call.Op.TakesNumber() {
				n, _ = numberCode(s.Call.N)
			}
			b = append(b, code|n<<codeBits, byte(i)|s.Object<<2|n>>3<<4)
		}
	}
	return append(b, endByte)
}
