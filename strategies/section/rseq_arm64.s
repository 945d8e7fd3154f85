//go:build linux && !race

#include "textflag.h"

// func Add(w *Words, n int64) bool
//
// The section is from the instruction behind the one that announces it to the commit:
// findSection knows both, and the signature. R0 to R3 stay as they are, so that it can begin
// anew.
TEXT ·Add(SB), NOSPLIT, $0-17
	MOVD w+0(FP), R0
	MOVD n+8(FP), R1
	MOVD $·descriptor(SB), R2
	MOVD ·offset(SB), R3
	CBZ  R3, slow
	MOVD 48(g), R4           // g.m
	ADD  R4, R3, R3
begin:
	MOVD (R3), R4
	CBZ  R4, slow
	ADD  $1, R4, R4
	MOVD R2, 8(R4)           // announces the section
	MOVWU 4(R4), R5          // the CPU
	MOVD 0(R0), R6           // the tag
	MOVD 8(R0), R7
	CMP  R7, R5
	BHS  slow
	TBNZ $0, R6, slow
	ADD  R5<<7, R6, R6       // lineShift
	MOVD (R6), R7
	ADD  R1, R7, R7
	MOVD R7, (R6)            // the commit
	MOVD $1, R5
	MOVB R5, ret+16(FP)
	RET
slow:
	JMP ·late(SB)

	// The kernel looks for the signature in the four bytes before the abort handler.
	WORD $0xd428bc00
	MOVD $·aborts(SB), R5
count:
	LDAXR (R5), R6
	ADD  $1, R6, R6
	STLXR R6, (R5), R7
	CBNZ R7, count
	JMP begin

// func code() uintptr
TEXT ·code(SB), NOSPLIT, $0-8
	MOVD $·Add(SB), R0
	MOVD R0, ret+0(FP)
	RET

// func currentM() unsafe.Pointer
TEXT ·currentM(SB), NOSPLIT, $0-8
	MOVD 48(g), R0
	MOVD R0, ret+0(FP)
	RET

// func slot() uintptr
TEXT ·slot(SB), NOSPLIT, $0-8
	MOVD ·offset(SB), R0
	MOVD 48(g), R1
	MOVD (R0)(R1), R0
	MOVD R0, ret+0(FP)
	RET

// func setSlot(a *area) (errno uintptr)
TEXT ·setSlot(SB), NOSPLIT, $0-16
	MOVD a+0(FP), R0
	MOVD $32, R1             // areaBytes
	MOVD $0, R2
	MOVD $0xd428bc00, R3     // signature
	MOVD $293, R8            // rseq
	SVC
	NEG  R0, R0
	MOVD R0, errno+8(FP)
	MOVD a+0(FP), R1
	SUB  $1, R1, R1
	MOVD ·offset(SB), R2
	MOVD 48(g), R3
	MOVD R1, (R2)(R3)
	RET
