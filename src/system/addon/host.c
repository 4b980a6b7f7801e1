/*
 * The rest of what is asked of the machine: boot time and its timer, wall time, TUN devices, the
 * host's names, the session, file systems. timerfd_create(2), clock_settime(2), adjtimex(2), setsid(2), statfs(2).
 */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <math.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/statfs.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define NANOSECONDS 1000000000L
/* An offset is gone after a minute: a sixteenth of what is left of it each second. */
#define QUICK_CONSTANT 2

/* Rounded up, so that a timer never fires before its time. */
static struct timespec from_milliseconds(double milliseconds) {
  double seconds = floor(milliseconds / 1e3);
  struct timespec time = {(time_t)seconds, (long)ceil((milliseconds - seconds * 1e3) * 1e6)};
  if (time.tv_nsec >= NANOSECONDS) {
    time.tv_sec += 1;
    time.tv_nsec -= NANOSECONDS;
  }
  return time;
}

/* bootTime(): milliseconds of CLOCK_BOOTTIME. */
static napi_value boot_time(napi_env env, napi_callback_info info) {
  (void)info;
  struct timespec time;
  clock_gettime(CLOCK_BOOTTIME, &time);
  return make_number(env, (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6);
}

/* timer(): a timerfd of CLOCK_BOOTTIME, not set. */
static napi_value make_timer(napi_env env, napi_callback_info info) {
  (void)info;
  return make_result(env, timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
}

/* setTimer(watcher, atMs): the boot time at which it fires, or a negative number for never. */
static napi_value set_timer(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct watcher *watcher;
  double milliseconds;
  struct itimerspec setting = {0};
  get_arguments(env, info, 2, arguments);
  if (!get_watcher(env, arguments[0], &watcher) || !get_number(env, arguments[1], &milliseconds))
    return wrong_argument(env);
  if (watcher->fd < 0) return make_int(env, -EBADF);
  if (milliseconds >= 0) {
    setting.it_value = from_milliseconds(fmin(milliseconds, 1e15));
    if (setting.it_value.tv_sec == 0 && setting.it_value.tv_nsec == 0) setting.it_value.tv_nsec = 1; /* 0 disarms */
  }
  return make_result(env, timerfd_settime(watcher->fd, TFD_TIMER_ABSTIME, &setting, NULL));
}

/* setWallClock(unixMs) */
static napi_value set_wall_clock(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  double milliseconds;
  get_arguments(env, info, 1, arguments);
  if (!get_number(env, arguments[0], &milliseconds) || !isfinite(milliseconds)) return wrong_argument(env);
  struct timespec time = from_milliseconds(milliseconds);
  return make_result(env, clock_settime(CLOCK_REALTIME, &time));
}

/* wallTime(): milliseconds of CLOCK_REALTIME. */
static napi_value wall_time(napi_env env, napi_callback_info info) {
  (void)info;
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return make_number(env, (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6);
}

/* adjustClock(offsetMs, isStep, leap, constant): leap is 1 to insert and -1 to delete a second; without a constant
   (-1) a slew is quick and teaches the kernel nothing of the clock's frequency. */
static napi_value adjust_clock(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  double milliseconds;
  bool is_step;
  int leap, constant;
  get_arguments(env, info, 4, arguments);
  if (!get_number(env, arguments[0], &milliseconds) || !isfinite(milliseconds) ||
      napi_get_value_bool(env, arguments[1], &is_step) != napi_ok || !get_int(env, arguments[2], &leap) ||
      !get_int(env, arguments[3], &constant))
    return wrong_argument(env);
  /* Errors of zero keep the kernel from calling the clock unsynchronised, so it sets the RTC too. */
  struct timex change = {.modes = ADJ_STATUS | ADJ_NANO | ADJ_MAXERROR | ADJ_ESTERROR, .status = STA_PLL};
  if (leap > 0) change.status |= STA_INS;
  if (leap < 0) change.status |= STA_DEL;
  if (is_step) {
    struct timespec offset = from_milliseconds(milliseconds);
    change.modes |= ADJ_SETOFFSET;
    change.time.tv_sec = offset.tv_sec;
    change.time.tv_usec = offset.tv_nsec; /* nanoseconds, by ADJ_NANO */
  } else {
    change.modes |= ADJ_OFFSET | ADJ_TIMECONST;
    change.constant = constant < 0 ? QUICK_CONSTANT : constant;
    if (constant < 0) change.status |= STA_FREQHOLD;
    change.offset = (long)(fmax(-500, fmin(500, milliseconds)) * 1e6); /* MAXPHASE is half a second */
  }
  return make_result(env, adjtimex(&change) < 0 ? -1 : 0);
}

/*
 * tun(name, isTap, owner): { fd, name } of a TUN or TAP device without packet information, or a negative
 * errno. With an owner (a user's number, not negative) it stays when the descriptor is closed.
 */
static napi_value make_tun(napi_env env, napi_callback_info info) {
  napi_value arguments[3], result, name;
  struct bytes wanted;
  struct ifreq request = {0};
  bool is_tap = false;
  int32_t owner = -1;
  get_arguments(env, info, 3, arguments);
  if (!get_bytes(env, arguments[0], &wanted)) return wrong_argument(env);
  napi_get_value_bool(env, arguments[1], &is_tap);
  napi_get_value_int32(env, arguments[2], &owner);
  if (wanted.length >= sizeof request.ifr_name) return make_int(env, -ENAMETOOLONG);
  if (wanted.length > 0) memcpy(request.ifr_name, wanted.data, wanted.length);
  request.ifr_flags = (is_tap ? IFF_TAP : IFF_TUN) | IFF_NO_PI;
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return make_int(env, -errno);
  if (ioctl(fd, TUNSETIFF, &request) < 0 ||
      (owner >= 0 && (ioctl(fd, TUNSETOWNER, (unsigned long)owner) < 0 || ioctl(fd, TUNSETPERSIST, 1UL) < 0))) {
    int error = errno;
    close(fd);
    return make_int(env, -error);
  }
  if (napi_create_object(env, &result) != napi_ok ||
      napi_create_string_utf8(env, request.ifr_name, NAPI_AUTO_LENGTH, &name) != napi_ok) {
    close(fd);
    return make_int(env, -ENOMEM);
  }
  add_int(env, result, "fd", fd);
  napi_set_named_property(env, result, "name", name);
  return result;
}

static napi_value set_name(napi_env env, napi_callback_info info, int (*set)(const char *, size_t)) {
  napi_value arguments[1];
  struct bytes name;
  get_arguments(env, info, 1, arguments);
  if (!get_bytes(env, arguments[0], &name)) return wrong_argument(env);
  return make_result(env, set((const char *)name.data, name.length));
}

/* setHostname(name) */
static napi_value set_host_name(napi_env env, napi_callback_info info) {
  return set_name(env, info, sethostname);
}

/* setDomainname(name) */
static napi_value set_domain_name(napi_env env, napi_callback_info info) {
  return set_name(env, info, setdomainname);
}

/* fileSystemId(path): of the file system it is on, both words in hexadecimal digits. */
static napi_value file_system_id(napi_env env, napi_callback_info info) {
  napi_value arguments[1], result = NULL;
  struct bytes wanted;
  struct statfs about;
  unsigned words[2];
  char digits[17];
  get_arguments(env, info, 1, arguments);
  if (!get_bytes(env, arguments[0], &wanted)) return wrong_argument(env);
  char *path = strndup(wanted.length == 0 ? "" : (const char *)wanted.data, wanted.length);
  if (path == NULL) return make_int(env, -ENOMEM);
  int failed = statfs(path, &about);
  int error = errno;
  free(path);
  if (failed < 0) return make_int(env, -error);
  memcpy(words, &about.f_fsid, sizeof words);
  snprintf(digits, sizeof digits, "%llx", (unsigned long long)words[0] << 32 | words[1]);
  napi_create_string_utf8(env, digits, NAPI_AUTO_LENGTH, &result);
  return result;
}

/* startSession(): leaves the terminal. */
static napi_value start_session(napi_env env, napi_callback_info info) {
  (void)info;
  return make_int(env, setsid() < 0 ? -errno : 0);
}

/* describe(errno): strerror(3). */
static napi_value describe(napi_env env, napi_callback_info info) {
  napi_value arguments[1], text = NULL;
  int error;
  get_arguments(env, info, 1, arguments);
  if (!get_int(env, arguments[0], &error)) return wrong_argument(env);
  napi_create_string_utf8(env, strerror(error), NAPI_AUTO_LENGTH, &text);
  return text;
}

/* fillRandom(bytes): getrandom(2), which waits for the kernel's first entropy after boot. */
static napi_value fill_random(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  struct bytes wanted;
  get_arguments(env, info, 1, arguments);
  if (!get_bytes(env, arguments[0], &wanted)) return wrong_argument(env);
  for (size_t done = 0; done < wanted.length;) {
    ssize_t count = getrandom((uint8_t *)wanted.data + done, wanted.length - done, 0);
    if (count >= 0) done += (size_t)count;
    else if (errno != EINTR) return make_int(env, -errno);
  }
  return make_int(env, 0);
}

/* V8's, of C++, as Node's own v8.setFlagsFromString calls it; weak, so that a Node without it does without. */
extern void set_v8_flags(const char *flags) __asm__("_ZN2v82V818SetFlagsFromStringEPKc") __attribute__((weak));

/*
 * compileSparingly(): what runs now and then stays in the interpreter. By default V8 compiles what has run a
 * few times, and regular expressions when they are used again: at the first link that is most of what runs.
 */
static napi_value compile_sparingly(napi_env env, napi_callback_info info) {
  (void)env;
  (void)info;
  if (set_v8_flags == NULL) return NULL;
  set_v8_flags("--no-sparkplug");
  set_v8_flags("--interrupt-budget=270336"); /* four times V8's own: with hundreds of links it pays to compile */
  set_v8_flags("--regexp-tier-up-ticks=50");
  return NULL;
}

void add_host(napi_env env, napi_value exports) {
  add_function(env, exports, "bootTime", boot_time);
  add_function(env, exports, "timer", make_timer);
  add_function(env, exports, "setTimer", set_timer);
  add_function(env, exports, "setWallClock", set_wall_clock);
  add_function(env, exports, "wallTime", wall_time);
  add_function(env, exports, "adjustClock", adjust_clock);
  add_function(env, exports, "tun", make_tun);
  add_function(env, exports, "setHostname", set_host_name);
  add_function(env, exports, "setDomainname", set_domain_name);
  add_function(env, exports, "fileSystemId", file_system_id);
  add_function(env, exports, "startSession", start_session);
  add_function(env, exports, "fillRandom", fill_random);
  add_function(env, exports, "compileSparingly", compile_sparingly);
  add_function(env, exports, "describe", describe);
}
