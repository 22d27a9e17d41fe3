#include "textflag.h"

// Field elements mod p = 2^255-19 in eight lanes: five limbs of 51 bits, limb i
// of lane l at byte 64*i + 8*l. Factors must have limbs below 2^52 and results
// have limbs below 2^51 + 2^11 ("reduced").
//
// In every function: Z28 and Z29 are the limbs of 2p (the lowest, the others),
// Z30 is 2^51-1, Z31 is 19. MUL and SQR use all of Z0 to Z27.

#define CONSTANTS \
	MOVQ         $0xFFFFFFFFFFFDA, AX; \
	VPBROADCASTQ AX, Z28;              \
	MOVQ         $0xFFFFFFFFFFFFE, AX; \
	VPBROADCASTQ AX, Z29;              \
	MOVQ         $0x7FFFFFFFFFFFF, AX; \
	VPBROADCASTQ AX, Z30;              \
	MOVQ         $19, AX;              \
	VPBROADCASTQ AX, Z31

// LOAD and STORE move an element between memory and five registers.
#define LOAD(p, off, r0, r1, r2, r3, r4) \
	VMOVDQU64 (off+0)(p), r0;   \
	VMOVDQU64 (off+64)(p), r1;  \
	VMOVDQU64 (off+128)(p), r2; \
	VMOVDQU64 (off+192)(p), r3; \
	VMOVDQU64 (off+256)(p), r4

#define STORE(p, off, r0, r1, r2, r3, r4) \
	VMOVDQU64 r0, (off+0)(p);   \
	VMOVDQU64 r1, (off+64)(p);  \
	VMOVDQU64 r2, (off+128)(p); \
	VMOVDQU64 r3, (off+192)(p); \
	VMOVDQU64 r4, (off+256)(p)

#define LOADA(p, off) LOAD(p, off, Z0, Z1, Z2, Z3, Z4)
#define LOADB(p, off) LOAD(p, off, Z5, Z6, Z7, Z8, Z9)
#define STORER(p, off) STORE(p, off, Z10, Z11, Z12, Z13, Z14)

#define ZERO(r) VPXORQ r, r, r

#define ZEROALL \
	ZERO(Z10); ZERO(Z11); ZERO(Z12); ZERO(Z13); ZERO(Z14); ZERO(Z15); \
	ZERO(Z16); ZERO(Z17); ZERO(Z18); ZERO(Z19); ZERO(Z20); ZERO(Z21); \
	ZERO(Z22); ZERO(Z23); ZERO(Z24); ZERO(Z25); ZERO(Z26); ZERO(Z27)

// MADD adds both halves of a product of two limbs: l += its low 52 bits, h += the
// rest.
#define MADD(a, b, l, h) \
	VPMADD52LUQ b, a, l; \
	VPMADD52HUQ b, a, h

// CARRY1 gives 1/2^51 of a limb to t and keeps the rest.
#define CARRY1(r, t) \
	VPSRLQ $51, r, t; \
	VPANDQ Z30, r, r

// CARRY reduces five limbs below 2^62 with the help of five free registers.
#define CARRY(r0, r1, r2, r3, r4, t0, t1, t2, t3, t4) \
	CARRY1(r4, t4);            \
	CARRY1(r0, t0);            \
	CARRY1(r1, t1);            \
	CARRY1(r2, t2);            \
	CARRY1(r3, t3);            \
	VPMADD52LUQ Z31, t4, r0;   \
	VPADDQ t0, r1, r1;         \
	VPADDQ t1, r2, r2;         \
	VPADDQ t2, r3, r3;         \
	VPADDQ t3, r4, r4

// FOLD1 adds 19 times z to r.
#define FOLD1(z, r, t, u) \
	VPSLLQ $4, z, t; \
	VPADDQ z, z, u;  \
	VPADDQ z, r, r;  \
	VPADDQ u, t, t;  \
	VPADDQ t, r, r

// FOLD makes five reduced limbs in Z10 to Z14 of the sums of halves: those of
// weight 2^(51k) in Z(10+k), those of weight 2^(51k+52) in Z(19+k). The second kind
// counts twice one place higher; places from 5 on count 19 times five lower.
#define FOLD \
	VPADDQ Z19, Z19, Z19; \
	VPADDQ Z20, Z20, Z20; \
	VPADDQ Z21, Z21, Z21; \
	VPADDQ Z22, Z22, Z22; \
	VPADDQ Z23, Z23, Z23; \
	VPADDQ Z24, Z24, Z24; \
	VPADDQ Z25, Z25, Z25; \
	VPADDQ Z26, Z26, Z26; \
	VPADDQ Z27, Z27, Z27; \
	VPADDQ Z19, Z11, Z11; \
	VPADDQ Z20, Z12, Z12; \
	VPADDQ Z21, Z13, Z13; \
	VPADDQ Z22, Z14, Z14; \
	VPADDQ Z23, Z15, Z15; \
	VPADDQ Z24, Z16, Z16; \
	VPADDQ Z25, Z17, Z17; \
	VPADDQ Z26, Z18, Z18; \
	FOLD1(Z27, Z14, Z0, Z1); \
	FOLD1(Z15, Z10, Z2, Z3); \
	FOLD1(Z16, Z11, Z4, Z5); \
	FOLD1(Z17, Z12, Z6, Z7); \
	FOLD1(Z18, Z13, Z8, Z9); \
	CARRY(Z10, Z11, Z12, Z13, Z14, Z0, Z1, Z2, Z3, Z4)

// MUL: Z10..Z14 = Z0..Z4 times Z5..Z9.
#define MUL \
	ZEROALL; \
	MADD(Z0, Z5, Z10, Z19); MADD(Z1, Z6, Z12, Z21); MADD(Z2, Z7, Z14, Z23); MADD(Z3, Z8, Z16, Z25); MADD(Z4, Z9, Z18, Z27); \
	MADD(Z0, Z6, Z11, Z20); MADD(Z1, Z7, Z13, Z22); MADD(Z2, Z8, Z15, Z24); MADD(Z3, Z9, Z17, Z26); MADD(Z4, Z5, Z14, Z23); \
	MADD(Z0, Z7, Z12, Z21); MADD(Z1, Z5, Z11, Z20); MADD(Z2, Z9, Z16, Z25); MADD(Z3, Z6, Z14, Z23); MADD(Z4, Z8, Z17, Z26); \
	MADD(Z0, Z8, Z13, Z22); MADD(Z1, Z9, Z15, Z24); MADD(Z2, Z5, Z12, Z21); MADD(Z3, Z7, Z15, Z24); MADD(Z4, Z6, Z15, Z24); \
	MADD(Z0, Z9, Z14, Z23); MADD(Z1, Z8, Z14, Z23); MADD(Z2, Z6, Z13, Z22); MADD(Z3, Z5, Z13, Z22); MADD(Z4, Z7, Z16, Z25); \
	FOLD

#define DOUBLE(r) VPADDQ r, r, r

// SQR: Z10..Z14 = the square of Z0..Z4.
#define SQR \
	ZEROALL; \
	MADD(Z0, Z1, Z11, Z20); MADD(Z0, Z2, Z12, Z21); MADD(Z0, Z3, Z13, Z22); MADD(Z0, Z4, Z14, Z23); MADD(Z1, Z4, Z15, Z24); \
	MADD(Z2, Z4, Z16, Z25); MADD(Z3, Z4, Z17, Z26); MADD(Z1, Z2, Z13, Z22); MADD(Z1, Z3, Z14, Z23); MADD(Z2, Z3, Z15, Z24); \
	DOUBLE(Z11); DOUBLE(Z12); DOUBLE(Z13); DOUBLE(Z14); DOUBLE(Z15); DOUBLE(Z16); DOUBLE(Z17); \
	DOUBLE(Z20); DOUBLE(Z21); DOUBLE(Z22); DOUBLE(Z23); DOUBLE(Z24); DOUBLE(Z25); DOUBLE(Z26); \
	MADD(Z0, Z0, Z10, Z19); MADD(Z1, Z1, Z12, Z21); MADD(Z2, Z2, Z14, Z23); MADD(Z3, Z3, Z16, Z25); MADD(Z4, Z4, Z18, Z27); \
	FOLD

// ADD: Z10..Z14 = Z0..Z4 plus Z5..Z9, reduced. It ends Z5..Z9.
#define ADD \
	VPADDQ Z0, Z5, Z10; \
	VPADDQ Z1, Z6, Z11; \
	VPADDQ Z2, Z7, Z12; \
	VPADDQ Z3, Z8, Z13; \
	VPADDQ Z4, Z9, Z14; \
	CARRY(Z10, Z11, Z12, Z13, Z14, Z15, Z16, Z17, Z18, Z19)

// SUB: Z10..Z14 = Z0..Z4 minus Z5..Z9, reduced, by way of 2p.
#define SUB \
	VPADDQ Z0, Z28, Z10; \
	VPADDQ Z1, Z29, Z11; \
	VPADDQ Z2, Z29, Z12; \
	VPADDQ Z3, Z29, Z13; \
	VPADDQ Z4, Z29, Z14; \
	VPSUBQ Z5, Z10, Z10; \
	VPSUBQ Z6, Z11, Z11; \
	VPSUBQ Z7, Z12, Z12; \
	VPSUBQ Z8, Z13, Z13; \
	VPSUBQ Z9, Z14, Z14; \
	CARRY(Z10, Z11, Z12, Z13, Z14, Z15, Z16, Z17, Z18, Z19)

// func mul8(out, a, b *element)
TEXT ·mul8(SB), NOSPLIT, $0-24
	MOVQ out+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	CONSTANTS
	LOADA(SI, 0)
	LOADB(DX, 0)
	MUL
	STORER(DI, 0)
	VZEROUPPER
	RET

// func sqr8(out, a *element, times int)
TEXT ·sqr8(SB), NOSPLIT, $0-24
	MOVQ out+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ times+16(FP), CX
	CONSTANTS
	LOADA(SI, 0)

again:
	SQR
	VMOVDQA64 Z10, Z0
	VMOVDQA64 Z11, Z1
	VMOVDQA64 Z12, Z2
	VMOVDQA64 Z13, Z3
	VMOVDQA64 Z14, Z4
	DECQ CX
	JNZ  again
	STORER(DI, 0)
	VZEROUPPER
	RET

// func add8(out, a, b *element)
TEXT ·add8(SB), NOSPLIT, $0-24
	MOVQ out+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	CONSTANTS
	LOADA(SI, 0)
	LOADB(DX, 0)
	ADD
	STORER(DI, 0)
	VZEROUPPER
	RET

// func sub8(out, a, b *element)
TEXT ·sub8(SB), NOSPLIT, $0-24
	MOVQ out+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	CONSTANTS
	LOADA(SI, 0)
	LOADB(DX, 0)
	SUB
	STORER(DI, 0)
	VZEROUPPER
	RET

// Points are four elements X, Y, Z, T, 320 bytes each, one point in each lane. The
// scratch that DI points to begins with one point and goes on with A to H.
#define PX 0
#define PY 320
#define PZ 640
#define PT 960
#define TA 1280
#define TB 1600
#define TC 1920
#define TD 2240
#define TE 2560
#define TF 2880
#define TG 3200
#define TH 3520
#define D2 3840

// MOVEA makes a result the first factor.
#define MOVEA \
	VMOVDQA64 Z10, Z0; \
	VMOVDQA64 Z11, Z1; \
	VMOVDQA64 Z12, Z2; \
	VMOVDQA64 Z13, Z3; \
	VMOVDQA64 Z14, Z4

#define ADDM(a, b, to) LOADA(DI, a); LOADB(DI, b); ADD; STORER(DI, to)
#define SUBM(a, b, to) LOADA(DI, a); LOADB(DI, b); SUB; STORER(DI, to)
#define MULM(a, b, to) LOADA(DI, a); LOADB(DI, b); MUL; STORER(DI, to)
#define SQRM(a, to) LOADA(DI, a); SQR; STORER(DI, to)

// FINISH ends every addition: E = B-A, H = B+A, F = D-C, G = D+C, and the point is
// (E*F, G*H, F*G, E*H). It leaves it where p points.
#define FINISH(p) \
	SUBM(TB, TA, TE); \
	ADDM(TB, TA, TH); \
	SUBM(TD, TC, TF); \
	ADDM(TD, TC, TG); \
	PRODUCTS(p)

#define PRODUCTS(p) \
	LOADA(DI, TE); LOADB(DI, TF); MUL; STORER(p, PX); \
	LOADA(DI, TG); LOADB(DI, TH); MUL; STORER(p, PY); \
	LOADA(DI, TF); LOADB(DI, TG); MUL; STORER(p, PZ); \
	LOADA(DI, TE); LOADB(DI, TH); MUL; STORER(p, PT)

// func addPoints8(out, a, b *points, s *scratch)
TEXT ·addPoints8(SB), NOSPLIT, $0-32
	MOVQ out+0(FP), R8
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVQ s+24(FP), DI
	CONSTANTS
	LOADA(SI, PY)
	LOADB(SI, PX)
	SUB
	STORER(DI, TE)
	LOADA(DX, PY)
	LOADB(DX, PX)
	SUB
	MOVEA
	LOADB(DI, TE)
	MUL
	STORER(DI, TA)
	LOADA(SI, PY)
	LOADB(SI, PX)
	ADD
	STORER(DI, TE)
	LOADA(DX, PY)
	LOADB(DX, PX)
	ADD
	MOVEA
	LOADB(DI, TE)
	MUL
	STORER(DI, TB)
	LOADA(SI, PT)
	LOADB(DX, PT)
	MUL
	MOVEA
	LOADB(DI, D2)
	MUL
	STORER(DI, TC)
	LOADA(SI, PZ)
	LOADB(DX, PZ)
	MUL
	MOVEA
	VMOVDQA64 Z0, Z5
	VMOVDQA64 Z1, Z6
	VMOVDQA64 Z2, Z7
	VMOVDQA64 Z3, Z8
	VMOVDQA64 Z4, Z9
	ADD
	STORER(DI, TD)
	FINISH(R8)
	VZEROUPPER
	RET

// func doublePoints8(p *points, times int, s *scratch)
TEXT ·doublePoints8(SB), NOSPLIT, $0-24
	MOVQ p+0(FP), SI
	MOVQ times+8(FP), CX
	MOVQ s+16(FP), DI
	CONSTANTS

again:
	LOADA(SI, PX)
	SQR
	STORER(DI, TA)
	LOADA(SI, PY)
	SQR
	STORER(DI, TB)
	LOADA(SI, PZ)
	SQR
	MOVEA
	VMOVDQA64 Z0, Z5
	VMOVDQA64 Z1, Z6
	VMOVDQA64 Z2, Z7
	VMOVDQA64 Z3, Z8
	VMOVDQA64 Z4, Z9
	ADD
	STORER(DI, TC)
	ADDM(TA, TB, TH)
	LOADA(SI, PX)
	LOADB(SI, PY)
	ADD
	MOVEA
	SQR
	STORER(DI, TD)
	SUBM(TH, TD, TE)
	SUBM(TA, TB, TG)
	ADDM(TC, TG, TF)
	PRODUCTS(SI)
	DECQ CX
	JNZ  again
	VZEROUPPER
	RET

// TRANSPOSE turns eight rows of eight in Z0 to Z7 into eight columns in Z8 to Z15.
#define TRANSPOSE \
	VPUNPCKLQDQ Z1, Z0, Z8;  \
	VPUNPCKHQDQ Z1, Z0, Z9;  \
	VPUNPCKLQDQ Z3, Z2, Z10; \
	VPUNPCKHQDQ Z3, Z2, Z11; \
	VPUNPCKLQDQ Z5, Z4, Z12; \
	VPUNPCKHQDQ Z5, Z4, Z13; \
	VPUNPCKLQDQ Z7, Z6, Z14; \
	VPUNPCKHQDQ Z7, Z6, Z15; \
	VSHUFI64X2 $0x88, Z10, Z8, Z0;  \
	VSHUFI64X2 $0xDD, Z10, Z8, Z1;  \
	VSHUFI64X2 $0x88, Z14, Z12, Z2; \
	VSHUFI64X2 $0xDD, Z14, Z12, Z3; \
	VSHUFI64X2 $0x88, Z11, Z9, Z4;  \
	VSHUFI64X2 $0xDD, Z11, Z9, Z5;  \
	VSHUFI64X2 $0x88, Z15, Z13, Z6; \
	VSHUFI64X2 $0xDD, Z15, Z13, Z7; \
	VSHUFI64X2 $0x88, Z2, Z0, Z8;   \
	VSHUFI64X2 $0x88, Z6, Z4, Z9;   \
	VSHUFI64X2 $0x88, Z3, Z1, Z10;  \
	VSHUFI64X2 $0x88, Z7, Z5, Z11;  \
	VSHUFI64X2 $0xDD, Z2, Z0, Z12;  \
	VSHUFI64X2 $0xDD, Z6, Z4, Z13;  \
	VSHUFI64X2 $0xDD, Z3, Z1, Z14;  \
	VSHUFI64X2 $0xDD, Z7, Z5, Z15

// The buckets of one lane lie together, 192 bytes each, 129 to a lane. AX, CX and R8
// to R13 point to one in each lane.
#define BUCKETS 24768

#define ROWS(off) \
	VMOVDQU64 (off)(AX), Z0;  \
	VMOVDQU64 (off)(CX), Z1;  \
	VMOVDQU64 (off)(R8), Z2;  \
	VMOVDQU64 (off)(R9), Z3;  \
	VMOVDQU64 (off)(R10), Z4; \
	VMOVDQU64 (off)(R11), Z5; \
	VMOVDQU64 (off)(R12), Z6; \
	VMOVDQU64 (off)(R13), Z7

#define ROWSBACK(off) \
	VMOVDQU64 Z8, (off)(AX);   \
	VMOVDQU64 Z9, (off)(CX);   \
	VMOVDQU64 Z10, (off)(R8);  \
	VMOVDQU64 Z11, (off)(R9);  \
	VMOVDQU64 Z12, (off)(R10); \
	VMOVDQU64 Z13, (off)(R11); \
	VMOVDQU64 Z14, (off)(R12); \
	VMOVDQU64 Z15, (off)(R13)

#define COLUMNS(p, off) \
	VMOVDQU64 (off+0)(p), Z0;   \
	VMOVDQU64 (off+64)(p), Z1;  \
	VMOVDQU64 (off+128)(p), Z2; \
	VMOVDQU64 (off+192)(p), Z3; \
	VMOVDQU64 (off+256)(p), Z4; \
	VMOVDQU64 (off+320)(p), Z5; \
	VMOVDQU64 (off+384)(p), Z6; \
	VMOVDQU64 (off+448)(p), Z7

#define COLUMNSBACK4(p, off) \
	VMOVDQU64 Z8, (off+0)(p);    \
	VMOVDQU64 Z9, (off+64)(p);   \
	VMOVDQU64 Z10, (off+128)(p); \
	VMOVDQU64 Z11, (off+192)(p)

#define COLUMNSBACK(p, off) \
	COLUMNSBACK4(p, off);        \
	VMOVDQU64 Z12, (off+256)(p); \
	VMOVDQU64 Z13, (off+320)(p); \
	VMOVDQU64 Z14, (off+384)(p); \
	VMOVDQU64 Z15, (off+448)(p)

#define GATHER(p) \
	ROWS(0); TRANSPOSE; COLUMNSBACK(p, 0);     \
	ROWS(64); TRANSPOSE; COLUMNSBACK(p, 512);  \
	ROWS(128); TRANSPOSE; COLUMNSBACK4(p, 1024)

#define SCATTER(p) \
	COLUMNS(p, 0); TRANSPOSE; ROWSBACK(0);     \
	COLUMNS(p, 512); TRANSPOSE; ROWSBACK(64);  \
	COLUMNS(p, 1024); TRANSPOSE; ROWSBACK(128)

// LANE makes r point to the bucket that byte i of SI names, in lane i.
#define LANE(i, r) \
	MOVBLZX i(SI), r;          \
	LEAQ    (r)(r*2), r;       \
	SHLQ    $6, r;             \
	LEAQ    (i*BUCKETS)(BX)(r*1), r

// BROADCAST puts five limbs of the point at DX into each lane of Z5 to Z9: those at
// plus, and in lanes with a negative digit those at minus.
#define BROADCAST(plus, minus) \
	VPBROADCASTQ (plus+0)(DX), Z5;       \
	VPBROADCASTQ (plus+8)(DX), Z6;       \
	VPBROADCASTQ (plus+16)(DX), Z7;      \
	VPBROADCASTQ (plus+24)(DX), Z8;      \
	VPBROADCASTQ (plus+32)(DX), Z9;      \
	VPBROADCASTQ (minus+0)(DX), K1, Z5;  \
	VPBROADCASTQ (minus+8)(DX), K1, Z6;  \
	VPBROADCASTQ (minus+16)(DX), K1, Z7; \
	VPBROADCASTQ (minus+24)(DX), K1, Z8; \
	VPBROADCASTQ (minus+32)(DX), K1, Z9

// func accumulate8(b *buckets, p *affine, d *digits, n int, s *scratch)
TEXT ·accumulate8(SB), NOSPLIT, $0-40
	MOVQ b+0(FP), BX
	MOVQ p+8(FP), DX
	MOVQ d+16(FP), SI
	MOVQ n+24(FP), R15
	MOVQ s+32(FP), DI
	CONSTANTS

again:
	LANE(0, AX)
	LANE(1, CX)
	LANE(2, R8)
	LANE(3, R9)
	LANE(4, R10)
	LANE(5, R11)
	LANE(6, R12)
	LANE(7, R13)
	KMOVB 8(SI), K1
	GATHER(DI)
	LOADA(DI, PY)
	LOADB(DI, PX)
	SUB
	MOVEA
	BROADCAST(40, 0)
	MUL
	STORER(DI, TA)
	LOADA(DI, PY)
	LOADB(DI, PX)
	ADD
	MOVEA
	BROADCAST(0, 40)
	MUL
	STORER(DI, TB)
	LOADA(DI, PT)
	BROADCAST(80, 120)
	MUL
	STORER(DI, TC)
	ADDM(PZ, PZ, TD)
	FINISH(DI)
	SCATTER(DI)
	ADDQ $160, DX
	ADDQ $16, SI
	DECQ R15
	JNZ  again
	VZEROUPPER
	RET

// func loadBuckets8(out *points, b *buckets, index int)
TEXT ·loadBuckets8(SB), NOSPLIT, $0-24
	MOVQ out+0(FP), DI
	MOVQ b+8(FP), AX
	MOVQ index+16(FP), DX
	LEAQ (DX)(DX*2), DX
	SHLQ $6, DX
	ADDQ DX, AX
	LEAQ BUCKETS(AX), CX
	LEAQ BUCKETS(CX), R8
	LEAQ BUCKETS(R8), R9
	LEAQ BUCKETS(R9), R10
	LEAQ BUCKETS(R10), R11
	LEAQ BUCKETS(R11), R12
	LEAQ BUCKETS(R12), R13
	GATHER(DI)
	VZEROUPPER
	RET
