#ifndef COPENSSL_SHIM_H
#define COPENSSL_SHIM_H

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// TLS contexts. Each of these is a macro in OpenSSL's headers, which Swift does not see.

static inline int ts_ssl_ctx_set_min_tls12(SSL_CTX *context) {
  return (int)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
}

// Idle connections give their buffers back; a partial write may be repeated from another address, because the
// bytes that wait are kept in a growing buffer.
static inline void ts_ssl_ctx_set_modes(SSL_CTX *context) {
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // A record otherwise takes two reads of the socket. The client reads until the library has nothing left.
  SSL_CTX_set_read_ahead(context, 1);
}

// Has `keep` called with each session that a later connection can resume; it keeps the session if it returns 1. The cache mode
// is a macro around SSL_CTX_ctrl.
static inline void ts_ssl_ctx_on_session(SSL_CTX *context, int (*keep)(SSL *, SSL_SESSION *)) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, keep);
}

static inline int ts_ssl_set_server_name(SSL *ssl, const char *name) {
  return (int)SSL_set_tlsext_host_name(ssl, name);
}

static inline int ts_ssl_add_chain_certificate(SSL *ssl, X509 *certificate) {
  return (int)SSL_add1_chain_cert(ssl, certificate);
}

static inline int ts_ssl_new_index(void) {
  return SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

static inline int ts_ssl_ctx_new_index(void) {
  return SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

// X.509

// EVP_EC_gen and EVP_RSA_gen are macros around a variadic function; Swift sees neither.
static inline EVP_PKEY *ts_evp_generate_p256(void) { return EVP_EC_gen("P-256"); }

static inline EVP_PKEY *ts_evp_generate_rsa2048(void) { return EVP_RSA_gen(2048); }

// BIO_get_mem_data is a macro around BIO_ctrl.
static inline long ts_bio_memory(BIO *bio, char **bytes) { return BIO_get_mem_data(bio, bytes); }

// OPENSSL_free is a macro that adds file and line.
static inline void ts_openssl_free(void *memory) { OPENSSL_free(memory); }

// The flags are a macro built with casts. RFC 2253 escapes control characters.
static inline int ts_x509_name_print(BIO *bio, const X509_NAME *name) {
  return X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
}

// X509V3_set_ctx_nodb is a macro that writes into the context, which lives only here.
static inline int ts_x509_add_extension(X509 *certificate, X509 *issuer, int nid, const char *value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
  X509V3_set_ctx_nodb(&context);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
  if (extension == NULL) return 0;
  int added = X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
  return added;
}

// Every sk_TYPE function is a macro.
static inline STACK_OF(X509) *ts_x509_stack_new(void) { return sk_X509_new_null(); }

static inline int ts_x509_stack_push(STACK_OF(X509) *stack, X509 *certificate) {
  return sk_X509_push(stack, certificate);
}

// Frees the stack, not the certificates in it.
static inline void ts_x509_stack_free(STACK_OF(X509) *stack) { sk_X509_free(stack); }

static inline GENERAL_NAMES *ts_x509_alternative_names(const X509 *certificate) {
  return (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
}

static inline int ts_general_names_count(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }

// The type (GEN_DNS, GEN_IPADD, …) of a name and, for those that are one string, its bytes.
static inline int ts_general_name(const GENERAL_NAMES *names, int index, const unsigned char **bytes, int *length) {
  const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
  *bytes = NULL;
  *length = 0;
  if (name->type == GEN_DNS || name->type == GEN_EMAIL || name->type == GEN_URI || name->type == GEN_IPADD) {
    *bytes = ASN1_STRING_get0_data(name->d.ia5);
    *length = ASN1_STRING_length(name->d.ia5);
  }
  return name->type;
}

#endif
