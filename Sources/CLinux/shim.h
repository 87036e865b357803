#ifndef CLINUX_SHIM_H
#define CLINUX_SHIM_H

// The event loop's and process control's system calls, which Swift's Glibc module leaves out.
#include <spawn.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

// glibc has pidfd_open since 2.36 only, and syscall is variadic.
static inline int ts_pidfd_open(int process) { return (int)syscall(SYS_pidfd_open, process, 0); }

// glibc declares syncfs only for programs that ask for GNU's extensions.
static inline int ts_syncfs(int descriptor) { return (int)syscall(SYS_syncfs, descriptor); }

// glibc hides its extension from the C that Swift's importer speaks.
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int first);

void *memmem(const void *haystack, size_t haystack_length, const void *needle, size_t needle_length);
static inline const void *ts_memmem(const void *text, size_t length, const void *part, size_t part_length) {
  return memmem(text, length, part, part_length);
}

#endif
