/*
 * Receiving into the arena: datagrams in batches by recvmmsg(2), streams with SCM_RIGHTS, devices
 * by read(2). Nothing is allocated. Every descriptor that comes in is close-on-exec.
 */
#include "addon.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

void prepare_receiving(struct addon *addon) {
  for (int slot = 0; slot < SLOTS; slot++) {
    addon->vectors[slot] = (struct iovec){addon->slots + slot * SLOT_STRIDE, SLOT_BYTES};
    addon->headers[slot].msg_hdr.msg_iov = &addon->vectors[slot];
    addon->headers[slot].msg_hdr.msg_iovlen = 1;
    addon->headers[slot].msg_hdr.msg_name = &addon->names[slot];
  }
}

static bool is_control(const struct cmsghdr *control, int level, int type, size_t size) {
  return control->cmsg_level == level && control->cmsg_type == type && control->cmsg_len >= CMSG_LEN(size);
}

static void record_control(int32_t *record, const struct cmsghdr *control) {
  const void *data = CMSG_DATA(control);
  if (is_control(control, IPPROTO_IP, IP_PKTINFO, sizeof(struct in_pktinfo)))
    record[RECORD_IFINDEX] = ((const struct in_pktinfo *)data)->ipi_ifindex;
  else if (is_control(control, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(struct in6_pktinfo)))
    record[RECORD_IFINDEX] = (int32_t)((const struct in6_pktinfo *)data)->ipi6_ifindex;
  else if (is_control(control, IPPROTO_IP, IP_TTL, sizeof(int)) ||
           is_control(control, IPPROTO_IPV6, IPV6_HOPLIMIT, sizeof(int)))
    record[RECORD_HOP_LIMIT] = *(const int *)data;
  else if (is_control(control, SOL_PACKET, PACKET_AUXDATA, sizeof(struct tpacket_auxdata)))
    record[RECORD_STATUS] = (int32_t)((const struct tpacket_auxdata *)data)->tp_status;
}

static void record_message(struct addon *addon, int slot) {
  int32_t *record = addon->records + slot * RECORD_WORDS;
  struct mmsghdr *header = &addon->headers[slot];
  struct msghdr *message = &header->msg_hdr;
  bool is_lost = (message->msg_flags & MSG_TRUNC) != 0;
  record[RECORD_OFFSET] = (int32_t)RECORDS_BYTES + slot * SLOT_STRIDE;
  record[RECORD_LENGTH] = is_lost ? -1 : (int32_t)header->msg_len;
  record[RECORD_IFINDEX] = 0;
  record[RECORD_HOP_LIMIT] = -1;
  record[RECORD_STATUS] = 0;
  record[RECORD_REPLY] = 0;
  record_address(record, &addon->names[slot], message->msg_namelen);
  for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control != NULL; control = CMSG_NXTHDR(message, control))
    record_control(record, control);
}

static int receive_messages(struct watcher *watcher) {
  struct addon *addon = watcher->addon;
  /* Without room for control messages the kernel drops descriptors that a unix peer slips in. */
  bool has_control = watcher->family != AF_UNIX;
  for (int slot = 0; slot < SLOTS; slot++) {
    struct msghdr *message = &addon->headers[slot].msg_hdr;
    message->msg_namelen = sizeof addon->names[slot];
    message->msg_control = has_control ? addon->control[slot] : NULL;
    message->msg_controllen = has_control ? CONTROL_BYTES : 0;
  }
  int count = recvmmsg(watcher->fd, addon->headers, SLOTS, MSG_DONTWAIT, NULL);
  if (count < 0) return -errno;
  for (int slot = 0; slot < count; slot++) record_message(addon, slot);
  return count;
}

/* More than one SCM_RIGHTS cannot come with one read: the kernel ends the read after the first. */
static void record_descriptors(int32_t *records, struct msghdr *message) {
  records[0] = 0;
  for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control != NULL; control = CMSG_NXTHDR(message, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
    size_t length = control->cmsg_len - CMSG_LEN(0);
    records[0] = (int32_t)(length / sizeof(int));
    memcpy(&records[1], CMSG_DATA(control), length);
  }
}

static int receive_stream(struct watcher *watcher) {
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(MOST_DESCRIPTORS * sizeof(int))];
  struct addon *addon = watcher->addon;
  struct msghdr message = {
    .msg_iov = &addon->vectors[0], .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t length = recvmsg(watcher->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (length < 0) return -errno;
  record_descriptors(addon->records, &message);
  return (int)length;
}

/* One read is one event; at the end of a device there is nothing more to wait for. */
static int receive_device(struct watcher *watcher) {
  struct addon *addon = watcher->addon;
  ssize_t length = read(watcher->fd, addon->slots, SLOT_BYTES);
  if (length <= 0) return length < 0 ? -errno : -EIO;
  addon->records[RECORD_OFFSET] = RECORDS_BYTES;
  addon->records[RECORD_LENGTH] = (int32_t)length;
  return 1;
}

int receive(struct watcher *watcher) {
  switch (watcher->kind) {
    case KIND_MESSAGES: return receive_messages(watcher);
    case KIND_STREAM: return receive_stream(watcher);
    case KIND_DEVICE: return receive_device(watcher);
  }
  return -EINVAL;
}
