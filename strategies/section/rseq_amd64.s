//go:build linux && !race

#include "textflag.h"

// func Add(w *Words, n int64) bool
//
// The section is from the instruction behind the one that announces it to the commit:
// findSection knows both, and the signature. AX, BX, DX and SI stay as they are, so that it
// can begin anew.
TEXT ·Add(SB), NOSPLIT, $0-17
	MOVQ w+0(FP), AX
	MOVQ n+8(FP), BX
	LEAQ ·descriptor(SB), DX
	MOVQ ·offset(SB), SI
begin:
	MOVQ 0(FS), CX
	ADDQ SI, CX
	TESTB $1, CX
	JNE  slow
	MOVQ DX, 8(CX)           // announces the section
	MOVL 4(CX), CX           // the CPU
	MOVQ 0(AX), DI           // the tag
	CMPQ CX, 8(AX)
	JCC  slow
	TESTB $1, DI
	JNE  slow
	SHLQ $7, CX              // lineShift
	ADDQ BX, (DI)(CX*1)      // the commit
	MOVB $1, ret+16(FP)
	RET
slow:
	JMP ·late(SB)

	// The kernel looks for the signature in the four bytes before the abort handler. They
	// are within an instruction, for who disassembles them: UD1 signature(IP), DI.
	BYTE $0x0f; BYTE $0xb9; BYTE $0x3d; LONG $0x53053053
	LOCK
	INCQ ·aborts(SB)
	JMP begin

// func code() uintptr
TEXT ·code(SB), NOSPLIT, $0-8
	LEAQ ·Add(SB), AX
	MOVQ AX, ret+0(FP)
	RET

// func slot() uintptr
TEXT ·slot(SB), NOSPLIT, $0-8
	MOVQ 0(FS), AX
	MOVQ AX, ret+0(FP)
	RET

// func setSlot(a *area) (errno uintptr)
TEXT ·setSlot(SB), NOSPLIT, $0-16
	MOVQ a+0(FP), DI
	MOVQ $32, SI             // areaBytes
	XORQ DX, DX
	MOVQ $0x53053053, R10    // signature
	MOVQ $334, AX            // rseq
	SYSCALL
	NEGQ AX
	MOVQ AX, errno+8(FP)
	MOVQ a+0(FP), CX
	DECQ CX
	MOVQ CX, 0(FS)
	RET
