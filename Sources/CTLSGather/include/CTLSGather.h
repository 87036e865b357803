#ifndef CTLSGATHER_H
#define CTLSGATHER_H

// libmosquitto calls SSL_write for each packet, and each call makes a TLS record. A broker's work depends on the number of records, not
// of packets. This target therefore defines SSL_write; in a program, that definition also replaces OpenSSL's for all libraries. For
// the connections that asked for it, and only between open and close, packets are collected in a buffer and leave as one record; every
// other call goes straight to OpenSSL's function.
//
// `ssl` is OpenSSL's `SSL *`. A connection's calls come from one thread.

/// Gives a connection, whose handshake is done, a buffer of one record (16 KiB), which is freed with it. 1 if it has one now.
int ts_gather_prepare(void *ssl);

/// From now on, what is written to the connection is collected (1), or goes straight to OpenSSL (0).
void ts_gather_set_open(void *ssl, int is_open);

/// Writes what was collected: 1 if nothing is left, 0 if the socket takes no more at present, -1 if the connection is lost.
int ts_gather_flush(void *ssl);

#endif
