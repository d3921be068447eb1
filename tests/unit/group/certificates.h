// SPDX-License-Identifier: Apache-2.0
// A certification authority of a few lines, and files with what it signed.
#pragma once

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "io/settings/secret_file.h"
#include "io/tls/tls_context.h"

namespace ilnp {

class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name) : key_{EVP_EC_gen("P-256"), EVP_PKEY_free} {
    std::string pattern = testing::TempDir() + "group-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    certificate_ = sign(key_.get(), name, "basicConstraints", "critical,CA:TRUE");
    write("ca.pem", [&](BIO* out) { PEM_write_bio_X509(out, certificate_.get()); });
  }
  ~TestAuthority() { std::filesystem::remove_all(directory_); }
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  std::filesystem::path ca() const { return directory_ / "ca.pem"; }

  /// A new certificate for an address; the files of a former one for the same address are replaced.
  TlsFiles issue(const std::string& address) {
    const Key key{EVP_EC_gen("P-256"), EVP_PKEY_free};
    const Certificate certificate = sign(key.get(), address, "subjectAltName", ("IP:" + address).c_str());
    write(address + ".pem", [&](BIO* out) { PEM_write_bio_X509(out, certificate.get()); });
    write(address + ".key",
          [&](BIO* out) { PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
    return {ca(), directory_ / (address + ".pem"), directory_ / (address + ".key")};
  }

 private:
  using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
  using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

  Certificate sign(EVP_PKEY* key, const std::string& name, const char* extension, const char* value) const {
    Certificate certificate{X509_new(), X509_free};
    X509* const x509 = certificate.get();
    X509_set_version(x509, 2);
    static long serial = 0;
    ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_pubkey(x509, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(x509, X509_get_subject_name(certificate_ ? certificate_.get() : x509));
    X509_EXTENSION* const added =
        X509V3_EXT_conf_nid(nullptr, nullptr, OBJ_txt2nid(extension), const_cast<char*>(value));
    EXPECT_EQ(X509_add_ext(x509, added, -1), 1);
    X509_EXTENSION_free(added);
    EXPECT_GT(X509_sign(x509, key_.get(), EVP_sha256()), 0);
    return certificate;
  }

  template <class Write>
  void write(const std::string& name, Write to) const {
    const std::unique_ptr<BIO, decltype(&BIO_free)> out{BIO_new(BIO_s_mem()), BIO_free};
    to(out.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    EXPECT_TRUE(write_secret_file(directory_ / name,
                                  {reinterpret_cast<const std::uint8_t*>(data), static_cast<std::size_t>(size)},
                                  Outlives::process));
  }

  std::filesystem::path directory_;
  Key key_;
  Certificate certificate_{nullptr, X509_free};
};

}  // namespace ilnp
