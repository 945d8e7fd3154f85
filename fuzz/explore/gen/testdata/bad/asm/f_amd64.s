#include "textflag.h"

TEXT ·F(SB),NOSPLIT,$0
	RET
