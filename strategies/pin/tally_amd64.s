//go:build linux && !race

#include "textflag.h"

// The number of the P that g runs on, in Go 1.26: g.m.p.id.
#define P_NUMBER(into) \
	MOVQ (TLS), into;      \
	MOVQ 0x30(into), into; \
	MOVQ 0xd0(into), into; \
	MOVL 0(into), into

// ADD_AT adds at so many bytes from the first word, as pinnedAdd does: makes the word busy, looks
// at the mode once more, and stores the sum or what was there. AX is the Tally, BX the number,
// DI the first word.
#define ADD_AT(bytes) \
	MOVQ bytes(DI), DX;   \
	MOVQ DX, SI;          \
	ORQ  $1, SI;          \
	MOVQ SI, bytes(DI);   \
	CMPL (AX), $0;        \
	JNE  5(PC);           \
	LEAQ (DX)(BX*2), DX;  \
	MOVQ DX, bytes(DI);   \
	MOVB $1, ret+16(FP);  \
	RET;                  \
	MOVQ DX, bytes(DI);   \
	MOVB $0, ret+16(FP);  \
	RET

// func Add(t *Tally, n int64) bool
TEXT ·Add(SB), NOSPLIT, $0-17
	MOVQ t+0(FP), AX
	MOVQ n+8(FP), BX
	CMPL (AX), $0            // the mode
	JNE  no
	CMPL ·known(SB), $0
	JEQ  slow
	P_NUMBER(CX)
	MOVQ 8(AX), DI           // Words
	CMPQ CX, 16(AX)          // len(Words)
	JCC  no
	// The word is at DI + LineBytes*CX. Were its address worked out, the first store
	// would wait for four loads that depend on each other; a jump is predicted.
	CMPL CX, $4
	JCC  from4
	CMPL CX, $1
	JEQ  p1
	JCC  from2
	ADD_AT(0)
p1:
	ADD_AT(0x80)
from2:
	CMPL CX, $3
	JEQ  p3
	ADD_AT(0x100)
p3:
	ADD_AT(0x180)
from4:
	CMPL CX, $8
	JCC  from8
	CMPL CX, $6
	JEQ  p6
	JCC  p7
	CMPL CX, $5
	JEQ  p5
	ADD_AT(0x200)
p5:
	ADD_AT(0x280)
p6:
	ADD_AT(0x300)
p7:
	ADD_AT(0x380)
from8:
	SHLQ $7, CX
	ADDQ CX, DI
	ADD_AT(0)
no:
	MOVB $0, ret+16(FP)
	RET
slow:
	JMP ·pinnedAdd(SB)

// func number() int
TEXT ·number(SB), NOSPLIT, $0-8
	P_NUMBER(CX)
	MOVLQSX CX, CX
	MOVQ CX, ret+0(FP)
	RET
