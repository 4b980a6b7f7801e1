/*
 * Sends many messages with few walks through the kernel: those of one length to one destination are
 * coupled into one call's bytes, which the kernel cuts up again as late as it can (UDP_SEGMENT,
 * udp(7)). On the wire they are what they would be by themselves. A kernel or a device that cannot
 * do it is told each message singly.
 */
#include "addon.h"

#include <errno.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <string.h>

/* What fits behind the headers of one IPv4 packet. */
#define MOST_BYTES 65507

struct train {
  struct mmsghdr headers[SLOTS];
  struct iovec vectors[SLOTS];
  _Alignas(struct cmsghdr) char control[SLOTS][CMSG_SPACE(sizeof(uint16_t))];
  int count;
};

/* A kernel before 4.18 would pass the wish over and send one long message. */
static bool can_segment(struct watcher *watcher) {
  int size = 0;
  socklen_t length = sizeof size;
  if (watcher->segmenting == SEGMENTING_UNKNOWN) {
    bool is_udp = watcher->kind == KIND_MESSAGES && (watcher->family == AF_INET || watcher->family == AF_INET6);
    bool is_known = is_udp && getsockopt(watcher->fd, IPPROTO_UDP, UDP_SEGMENT, &size, &length) == 0;
    watcher->segmenting = is_known ? SEGMENTING_ON : SEGMENTING_OFF;
  }
  return watcher->segmenting == SEGMENTING_ON;
}

static bool is_alike(const struct msghdr *one, const struct msghdr *other) {
  return one->msg_iov->iov_len == other->msg_iov->iov_len && one->msg_namelen == other->msg_namelen &&
         other->msg_controllen == 0 &&
         (one->msg_namelen == 0 || memcmp(one->msg_name, other->msg_name, one->msg_namelen) == 0);
}

static void ask_to_cut(struct msghdr *message, char *control, size_t size) {
  message->msg_control = control;
  message->msg_controllen = CMSG_SPACE(sizeof(uint16_t));
  struct cmsghdr *header = CMSG_FIRSTHDR(message);
  header->cmsg_level = IPPROTO_UDP;
  header->cmsg_type = UDP_SEGMENT;
  header->cmsg_len = CMSG_LEN(sizeof(uint16_t));
  memcpy(CMSG_DATA(header), &(uint16_t){(uint16_t)size}, sizeof(uint16_t));
}

/* Each message of `messages` has one vector; those coupled to another lose it. */
static void couple(struct train *train, struct mmsghdr *messages, int count, bool is_segmented) {
  int vectors = 0;
  train->count = 0;
  for (int first = 0; first < count; first++) {
    const struct msghdr *message = &messages[first].msg_hdr;
    if (message->msg_iovlen == 0) continue;
    struct msghdr *coupled = &train->headers[train->count].msg_hdr;
    size_t size = message->msg_iov->iov_len, total = size;
    *coupled = *message;
    coupled->msg_iov = &train->vectors[vectors];
    train->vectors[vectors++] = *message->msg_iov;
    bool is_open = is_segmented && size > 0 && message->msg_controllen == 0;
    for (int next = first + 1; is_open && next < count && total + size <= MOST_BYTES; next++) {
      struct msghdr *other = &messages[next].msg_hdr;
      if (other->msg_iovlen == 0 || !is_alike(message, other)) continue;
      train->vectors[vectors++] = *other->msg_iov;
      coupled->msg_iovlen++;
      other->msg_iovlen = 0;
      total += size;
    }
    if (coupled->msg_iovlen > 1) ask_to_cut(coupled, train->control[train->count], size);
    train->count++;
  }
}

/* Something on the way cannot cut (EIO), or not to this size (EINVAL, EMSGSIZE). */
static bool is_uncut(const struct msghdr *message, int error) {
  return message->msg_iovlen > 1 && (error == -EIO || error == -EINVAL || error == -EMSGSIZE || error == -EOPNOTSUPP);
}

static int send_singly(const struct watcher *watcher, const struct msghdr *coupled) {
  int error = 0;
  for (size_t index = 0; index < coupled->msg_iovlen; index++) {
    struct msghdr one = {.msg_name = coupled->msg_name, .msg_namelen = coupled->msg_namelen,
                         .msg_iov = &coupled->msg_iov[index], .msg_iovlen = 1};
    if (sendmsg(watcher->fd, &one, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) error = -errno;
  }
  return error;
}

/* Passes over what the kernel refuses, and stops when it takes no more now; 0 or the last negative errno. */
int send_together(struct watcher *watcher, struct mmsghdr *messages, int count) {
  struct train train;
  int error = 0;
  couple(&train, messages, count, count > 1 && can_segment(watcher));
  for (int done = 0; done < train.count;) {
    unsigned left = (unsigned)(train.count - done);
    int taken = sendmmsg(watcher->fd, train.headers + done, left, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (taken > 0) {
      done += taken;
      continue;
    }
    error = -errno;
    if (error == -EAGAIN || error == -ENOBUFS) break;
    if (is_uncut(&train.headers[done].msg_hdr, error)) {
      watcher->segmenting = SEGMENTING_OFF;
      error = send_singly(watcher, &train.headers[done].msg_hdr);
    }
    done++;
  }
  return error;
}
