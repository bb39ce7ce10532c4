package pgtest

import "syscall"

// endWithParent has the kernel end the server at once when the thread that starts it ends.
func endWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGQUIT }
