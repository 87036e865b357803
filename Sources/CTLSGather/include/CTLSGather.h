#ifndef CTLSGATHER_H
#define CTLSGATHER_H

// libmosquitto writes each packet by a call of SSL_write, and each call makes a TLS record of its own. A broker's cost is a record, not
// a packet. This target defines SSL_write: the program's definition takes precedence over OpenSSL's in all that it loads. For
// the connections that asked for it, and only between open and close, packets are collected in a buffer and leave as one record; every
// other call goes straight to OpenSSL's function.
//
// `ssl` is an SSL of OpenSSL everywhere. A connection's calls come from one thread.

/// Gives a connection, whose handshake is done, a buffer of one record (16 KiB), which is freed with it. 1 if it has one now.
int ts_gather_prepare(void *ssl);

/// From now on, what is written to the connection is collected (1), or goes straight to OpenSSL (0).
void ts_gather_set_open(void *ssl, int is_open);

/// Writes what was collected: 1 if nothing is left, 0 if the socket takes no more at present, -1 if the connection is lost.
int ts_gather_flush(void *ssl);

#endif
