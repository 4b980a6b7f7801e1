/*
 * Sending: one message with its destination, or as much of a stream as the kernel takes together
 * with SCM_RIGHTS. Never blocks and never raises SIGPIPE; answers bytes taken or a negative errno.
 */
#include "addon.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

struct control_space {
  _Alignas(struct cmsghdr) char bytes[CMSG_SPACE(MOST_DESCRIPTORS * sizeof(int))];
};

static void add_control(struct msghdr *message, struct control_space *space, int level, int type,
                        const struct bytes *data) {
  memset(space->bytes, 0, CMSG_SPACE(data->length));
  message->msg_control = space->bytes;
  message->msg_controllen = CMSG_SPACE(data->length);
  struct cmsghdr *control = CMSG_FIRSTHDR(message);
  control->cmsg_level = level;
  control->cmsg_type = type;
  control->cmsg_len = CMSG_LEN(data->length);
  memcpy(CMSG_DATA(control), data->data, data->length);
}

/* Sends out of one interface only, whatever the routes say. */
static void add_interface(struct msghdr *message, struct control_space *space, int family, int ifindex) {
  struct in_pktinfo info4 = {.ipi_ifindex = ifindex};
  struct in6_pktinfo info6 = {.ipi6_ifindex = (unsigned)ifindex};
  if (family == AF_INET)
    add_control(message, space, IPPROTO_IP, IP_PKTINFO, &(struct bytes){(uint8_t *)&info4, sizeof info4});
  else if (family == AF_INET6)
    add_control(message, space, IPPROTO_IPV6, IPV6_PKTINFO, &(struct bytes){(uint8_t *)&info6, sizeof info6});
}

static socklen_t make_destination(const struct watcher *watcher, struct sockaddr_storage *out,
                                  const struct bytes *address, int port, int ifindex) {
  if (watcher->family == AF_PACKET) {
    const struct sockaddr_ll *local = (const struct sockaddr_ll *)&watcher->local;
    ifindex = local->sll_ifindex;
    port = ntohs(local->sll_protocol);
  }
  return make_address(out, watcher->family, address->data, address->length, port, ifindex);
}

/* send(watcher, bytes, address?, port, ifindex): without an address to whom the socket is connected. */
static napi_value send_message(napi_env env, napi_callback_info info) {
  napi_value arguments[5];
  struct watcher *watcher;
  struct bytes bytes, address;
  int port, ifindex;
  struct sockaddr_storage name;
  struct control_space space;
  struct msghdr message = {.msg_iovlen = 1};
  get_arguments(env, info, 5, arguments);
  if (!get_watcher(env, arguments[0], &watcher) || !get_bytes(env, arguments[1], &bytes) ||
      !get_bytes(env, arguments[2], &address) || !get_int(env, arguments[3], &port) ||
      !get_int(env, arguments[4], &ifindex))
    return wrong_argument(env);
  if (watcher->fd < 0) return make_int(env, -EBADF);
  if (watcher->kind == KIND_DEVICE) return make_result(env, (int)write(watcher->fd, bytes.data, bytes.length));
  message.msg_iov = &(struct iovec){bytes.data, bytes.length};
  if (address.length > 0) {
    message.msg_name = &name;
    message.msg_namelen = make_destination(watcher, &name, &address, port, ifindex);
    if (message.msg_namelen == 0) return make_int(env, -EINVAL);
    if (ifindex > 0) add_interface(&message, &space, watcher->family, ifindex);
  }
  return make_result(env, (int)sendmsg(watcher->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

/* Reads an array of descriptors into `out`; -1 if it is none or too long. */
static int get_descriptors(napi_env env, napi_value array, int *out) {
  uint32_t count;
  if (napi_get_array_length(env, array, &count) != napi_ok || count > MOST_DESCRIPTORS) return -1;
  for (uint32_t index = 0; index < count; index++) {
    napi_value element;
    if (napi_get_element(env, array, index, &element) != napi_ok || !get_int(env, element, &out[index])) return -1;
  }
  return (int)count;
}

/* sendStream(watcher, bytes, fds): the descriptors go with the first byte. */
static napi_value send_stream(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  struct watcher *watcher;
  struct bytes bytes;
  int descriptors[MOST_DESCRIPTORS];
  struct control_space space;
  struct msghdr message = {.msg_iovlen = 1};
  get_arguments(env, info, 3, arguments);
  if (!get_watcher(env, arguments[0], &watcher) || !get_bytes(env, arguments[1], &bytes)) return wrong_argument(env);
  int count = get_descriptors(env, arguments[2], descriptors);
  if (count < 0) return wrong_argument(env);
  if (watcher->fd < 0) return make_int(env, -EBADF);
  message.msg_iov = &(struct iovec){bytes.data, bytes.length};
  if (count > 0)
    add_control(&message, &space, SOL_SOCKET, SCM_RIGHTS,
                &(struct bytes){(uint8_t *)descriptors, (size_t)count * sizeof(int)});
  return make_result(env, (int)sendmsg(watcher->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

void add_sending(napi_env env, napi_value exports) {
  add_function(env, exports, "send", send_message);
  add_function(env, exports, "sendStream", send_stream);
}
