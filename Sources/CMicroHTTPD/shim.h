#ifndef CMICROHTTPD_SHIM_H
#define CMICROHTTPD_SHIM_H

#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>

// The library prints to stderr when a browser goes away, unless it is given a logger; the logger is variadic.
static inline void ts_http_log(void *context, const char *format, va_list arguments) {
  (void)context;
  (void)format;
  (void)arguments;
}

// The library's URI log callback: what it returns becomes the request's state.
typedef void *(*ts_http_begin_callback)(void *context, const char *target, struct MHD_Connection *connection);

// MHD_start_daemon is variadic, which Swift can't call. All four callbacks get `context`. `memory` is what a connection
// may use for its request line and headers, in bytes. With a certificate and its key, both PEM, it speaks TLS 1.2 and 1.3.
static inline struct MHD_Daemon *ts_http_start(const struct sockaddr_in *address,
                                               ts_http_begin_callback begin,
                                               MHD_AccessHandlerCallback handler,
                                               MHD_NotifyConnectionCallback changed,
                                               MHD_RequestCompletedCallback completed, void *context,
                                               unsigned connections, unsigned timeout_seconds, size_t memory,
                                               const char *certificate, const char *key) {
  unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
  struct MHD_OptionItem tls[] = {
      {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)certificate},
      {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)key},
      {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
      {MHD_OPTION_END, 0, NULL}};
  struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
  if (certificate) flags |= MHD_USE_TLS;
  return MHD_start_daemon(flags, 0, NULL, NULL, handler, context, MHD_OPTION_EXTERNAL_LOGGER, ts_http_log, NULL,
                          MHD_OPTION_URI_LOG_CALLBACK, begin, context,
                          MHD_OPTION_SOCK_ADDR, address, MHD_OPTION_CONNECTION_LIMIT, connections,
                          MHD_OPTION_CONNECTION_TIMEOUT, timeout_seconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory,
                          MHD_OPTION_NOTIFY_CONNECTION, changed, context, MHD_OPTION_NOTIFY_COMPLETED, completed,
                          context, MHD_OPTION_LISTEN_BACKLOG_SIZE, 512u, MHD_OPTION_ARRAY, certificate ? tls : none,
                          MHD_OPTION_END);
}

// The port that the system chose; the library's answer is a union behind a variadic function.
static inline uint16_t ts_http_port(struct MHD_Daemon *daemon) {
  const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
  return info == NULL ? 0 : info->port;
}

// The socket of a connection, or -1; again a union behind a variadic function.
static inline int ts_http_socket(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info == NULL ? -1 : info->connect_fd;
}

// A cast of -1 that Swift doesn't import.
static inline ssize_t ts_http_end_of_stream(void) { return MHD_CONTENT_READER_END_OF_STREAM; }

#endif
