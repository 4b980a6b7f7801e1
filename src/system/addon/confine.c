/*
 * Gives up, for good and in all threads, what a program that reads hostile content needs not: the
 * user's rights, new privileges, and by seccomp(2) new sockets, files and processes. What is open
 * stays usable. Fails, rather than do half of it, where the kernel or the processor is not known.
 */
#include "addon.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define ARCHITECTURE AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define ARCHITECTURE AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARCHITECTURE AUDIT_ARCH_PPC64LE
#endif

#ifdef ARCHITECTURE

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define REFUSE(error) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))
/* Refuses one system call; the number is in the accumulator. */
#define DENY(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##call, 0, 1), REFUSE(EACCES)

static const struct sock_filter program[] = {
  LOAD(arch),
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  LOAD(nr),
#ifdef __x86_64__
  /* The x32 calls would go round the list. */
  BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), REFUSE(ENOSYS),
#endif
  DENY(socket), DENY(socketpair), DENY(bind), DENY(listen),
#ifdef __NR_socketcall
  DENY(socketcall),
#endif
#ifdef __NR_io_uring_setup
  DENY(io_uring_setup),
#endif
#ifdef __NR_open
  DENY(open), DENY(creat),
#endif
#ifdef __NR_openat2
  DENY(openat2),
#endif
  DENY(openat), DENY(execve), DENY(execveat), DENY(ptrace), DENY(process_vm_readv), DENY(process_vm_writev),
  DENY(kill), DENY(bpf), DENY(unshare), DENY(setns), DENY(memfd_create), DENY(add_key), DENY(keyctl),
#ifdef __NR_pidfd_send_signal
  DENY(pidfd_send_signal),
#endif
#ifdef __NR_fork
  DENY(fork), DENY(vfork),
#endif
  /* Threads yes, processes no; what clone3 asks for cannot be seen, so libc shall use clone. */
#ifdef __NR_clone3
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone3, 0, 1), REFUSE(ENOSYS),
#endif
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 0, 3),
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  LOAD(args[0]),
#endif
  BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0), REFUSE(EACCES),
  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

static int filter(void) {
  struct sock_fprog filter = {sizeof program / sizeof *program, (struct sock_filter *)program};
  /* TSYNC: the threads that Node has already are confined too, no_new_privs included. */
  long failed = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
  return failed == 0 ? 0 : failed > 0 ? -EAGAIN : -errno;
}

#else

static int filter(void) {
  return -ENOSYS;
}

#endif

/* Bytes of private writable memory, some of them only set aside; Node 24 does so with half a gigabyte. */
static double data_now(void) {
  unsigned long pages;
  FILE *file = fopen("/proc/self/statm", "re");
  if (file == NULL) return -errno;
  int count = fscanf(file, "%*s %*s %*s %*s %*s %lu", &pages);
  fclose(file);
  return count == 1 ? (double)pages * (double)sysconf(_SC_PAGESIZE) : -EIO;
}

static int limit(int resource, double most) {
  struct rlimit now, wanted = {(rlim_t)most, (rlim_t)most};
  if (getrlimit(resource, &now) < 0) return -errno;
  if (now.rlim_max < wanted.rlim_max) wanted.rlim_cur = wanted.rlim_max = now.rlim_max;
  return setrlimit(resource, &wanted) < 0 ? -errno : 0;
}

/* Of a user who is not root but was given some. */
static int give_up_capabilities(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}};
  return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

static int give_up_user(int user) {
  if (geteuid() != 0) return give_up_capabilities();
  if (setgroups(0, NULL) < 0) return -errno;
  if (setresgid(user, user, user) < 0) return -errno;
  return setresuid(user, user, user) < 0 ? -errno : 0;
}

/* confine(user, moreBytes, cpuSec): root becomes `user`; CPU time counts from the start of the process. */
static napi_value confine(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  int user, result;
  double data, more_bytes, cpu_seconds;
  get_arguments(env, info, 3, arguments);
  if (!get_int(env, arguments[0], &user) || !get_number(env, arguments[1], &more_bytes) ||
      !get_number(env, arguments[2], &cpu_seconds))
    return wrong_argument(env);
  if ((data = data_now()) < 0) return make_int(env, (int)data);
  if ((result = limit(RLIMIT_CORE, 0)) < 0 || (result = limit(RLIMIT_FSIZE, 0)) < 0 ||
      (result = limit(RLIMIT_DATA, data + more_bytes)) < 0 || (result = limit(RLIMIT_CPU, cpu_seconds)) < 0 ||
      (result = give_up_user(user)) < 0)
    return make_int(env, result);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return make_int(env, -errno);
  return make_int(env, filter());
}

void add_confining(napi_env env, napi_value exports) {
  add_function(env, exports, "confine", confine);
}
