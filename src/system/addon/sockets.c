/*
 * Making, binding and connecting descriptors. All are non-blocking and close-on-exec. Each function
 * answers a negative errno when it fails, and nothing it was given is closed by it.
 */
#include "addon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

/* socket(domain, type, protocol): a descriptor. */
static napi_value make_socket(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  int domain, type, protocol;
  get_arguments(env, info, 3, arguments);
  if (!get_int(env, arguments[0], &domain) || !get_int(env, arguments[1], &type) ||
      !get_int(env, arguments[2], &protocol))
    return wrong_argument(env);
  return make_result(env, socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
}

/* A path from JavaScript, which ends it with a zero byte. */
static bool get_path(napi_env env, napi_value value, const char **out) {
  struct bytes bytes;
  if (!get_bytes(env, value, &bytes) || bytes.length == 0 || bytes.data[bytes.length - 1] != 0) return false;
  *out = (const char *)bytes.data;
  return true;
}

/* open(path): a character device, for reading and writing. */
static napi_value open_device(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  const char *path;
  get_arguments(env, info, 1, arguments);
  if (!get_path(env, arguments[0], &path)) return wrong_argument(env);
  return make_result(env, open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
}

static napi_value with_address(napi_env env, napi_callback_info info,
                               int (*use)(int fd, const struct sockaddr *, socklen_t)) {
  napi_value arguments[4];
  struct bytes address;
  struct sockaddr_storage name;
  int fd, port, ifindex, family;
  socklen_t size = sizeof family;
  get_arguments(env, info, 4, arguments);
  if (!get_int(env, arguments[0], &fd) || !get_bytes(env, arguments[1], &address) ||
      !get_int(env, arguments[2], &port) || !get_int(env, arguments[3], &ifindex))
    return wrong_argument(env);
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) < 0) return make_int(env, -errno);
  socklen_t length = make_address(&name, family, address.data, address.length, port, ifindex);
  if (length == 0) return make_int(env, -EINVAL);
  return make_result(env, use(fd, (struct sockaddr *)&name, length));
}

/* bind(fd, address?, port, ifindex): see make_address for what each family makes of them. */
static napi_value bind_socket(napi_env env, napi_callback_info info) {
  return with_address(env, info, bind);
}

/* connect(fd, address, port, ifindex) */
static napi_value connect_socket(napi_env env, napi_callback_info info) {
  return with_address(env, info, connect);
}

/* listen(fd, backlog) */
static napi_value listen_socket(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int fd, backlog;
  get_arguments(env, info, 2, arguments);
  if (!get_int(env, arguments[0], &fd) || !get_int(env, arguments[1], &backlog)) return wrong_argument(env);
  return make_result(env, listen(fd, backlog));
}

/* accept(fd): a descriptor, -EAGAIN when nobody waits. */
static napi_value accept_connection(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  int fd;
  get_arguments(env, info, 1, arguments);
  if (!get_int(env, arguments[0], &fd)) return wrong_argument(env);
  return make_result(env, accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

static double port_of(const struct sockaddr_storage *name) {
  switch (name->ss_family) {
    case AF_INET: return ntohs(((const struct sockaddr_in *)name)->sin_port);
    case AF_INET6: return ntohs(((const struct sockaddr_in6 *)name)->sin6_port);
    case AF_NETLINK: return ((const struct sockaddr_nl *)name)->nl_pid;
    default: return 0;
  }
}

/* localPort(fd): of UDP and TCP the port, of netlink the port id, else 0. */
static napi_value local_port(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  int fd;
  struct sockaddr_storage name = {0};
  socklen_t size = sizeof name;
  get_arguments(env, info, 1, arguments);
  if (!get_int(env, arguments[0], &fd)) return wrong_argument(env);
  if (getsockname(fd, (struct sockaddr *)&name, &size) < 0) return make_int(env, -errno);
  return make_number(env, port_of(&name));
}

/* duplicate(fd): another descriptor of the same thing. */
static napi_value duplicate(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  int fd;
  get_arguments(env, info, 1, arguments);
  if (!get_int(env, arguments[0], &fd)) return wrong_argument(env);
  return make_result(env, fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

/* close(fd): of a descriptor that no watcher owns. */
static napi_value close_descriptor(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  int fd;
  get_arguments(env, info, 1, arguments);
  if (!get_int(env, arguments[0], &fd)) return wrong_argument(env);
  return make_result(env, close(fd));
}

void add_sockets(napi_env env, napi_value exports) {
  add_function(env, exports, "socket", make_socket);
  add_function(env, exports, "open", open_device);
  add_function(env, exports, "bind", bind_socket);
  add_function(env, exports, "connect", connect_socket);
  add_function(env, exports, "listen", listen_socket);
  add_function(env, exports, "accept", accept_connection);
  add_function(env, exports, "localPort", local_port);
  add_function(env, exports, "duplicate", duplicate);
  add_function(env, exports, "close", close_descriptor);
}
