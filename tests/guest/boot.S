/*
 * A boot sector that says where it got to on the first serial line, reads
 * sector 1 by the BIOS and prints the text there, writes it to sector 2, and
 * ends qemu by its isa-debug-exit device.
 */
	.code16
	.globl	_start
_start:
	cli
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$0x7c00, %sp
	sti
	movb	%dl, drive
	movw	$hello, %si
	call	print

	movb	$0x42, %ah		/* extended read */
	call	disk
	movw	$0x8000, %si
	call	print

	movb	$2, packet + 8		/* the same memory, sector 2 */
	movb	$0x43, %ah		/* extended write */
	call	disk
	movw	$bye, %si
	call	print
	jmp	end

/* The call in %ah with our packet. */
disk:
	xorb	%al, %al
	movb	drive, %dl
	movw	$packet, %si
	int	$0x13
	jc	bad
	ret
bad:
	movw	$fail, %si
	call	print
end:
	movb	$1, %al
	movw	$0xf4, %dx
	outb	%al, %dx
1:	hlt
	jmp	1b

/* The string at %si, up to its zero. */
print:
	lodsb
	testb	%al, %al
	jz	2f
	movb	%al, %bl
	movw	$0x3fd, %dx
1:	inb	%dx, %al		/* until there is room to send */
	testb	$0x20, %al
	jz	1b
	movb	%bl, %al
	movw	$0x3f8, %dx
	outb	%al, %dx
	jmp	print
2:	ret

drive:	.byte	0
	.balign	4
packet:	.byte	16, 0
	.word	1			/* sectors */
	.word	0x8000, 0		/* offset, segment */
	.quad	1			/* LBA */
hello:	.asciz	"\r\nthe boot sector runs\r\n"
bye:	.asciz	"it read and wrote\r\n"
fail:	.asciz	"the disk failed\r\n"
	.org	510
	.word	0xaa55
