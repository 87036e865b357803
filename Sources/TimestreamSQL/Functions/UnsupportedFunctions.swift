/// Timestream's functions that aren't available here, so that the error for a statement with one gives the reason instead of
/// suggesting a typing error (Timestream developer guide, "Functions").
enum UnsupportedFunctions {
  private static let reasons: [(reason: String, names: Set<String>)] = [
    (
      "there are no maps",
      [
        "map", "map_agg", "map_concat", "map_entries", "map_filter", "map_from_entries", "map_keys",
        "map_union",
        "map_values", "map_zip_with", "multimap_agg", "multimap_from_entries", "transform_keys",
        "transform_values",
        "histogram", "numeric_histogram", "approx_most_frequent", "split_to_map", "split_to_multimap",
        "cosine_similarity",
      ]
    ),
    (
      "there is no JSON type; regexp_extract reads a value from a text",
      [
        "json_array_contains", "json_array_get", "json_array_length", "json_extract", "json_extract_scalar",
        "json_format", "json_parse", "json_size",
      ]
    ),
    (
      "there are no binary values",
      [
        "checksum", "crc32", "from_base64", "from_base64url", "from_hex", "from_utf8", "md5", "sha1",
        "sha256",
        "sha512", "to_base64", "to_base64url", "to_hex", "to_utf8", "xxhash64",
      ]
    ),
    (
      "all times are UTC",
      [
        "at_timezone", "with_timezone", "current_timezone", "timezone_hour", "timezone_minute",
        "from_unixtime_nanos",
      ]
    ),
    ("geospatial functions are missing", ["great_circle_distance", "to_spherical_geography", "to_geometry"]),
  ]

  /// Why a function of Timestream isn't available here; nil if Timestream doesn't have it, either.
  static func reason(_ name: String) -> String? {
    if name.hasPrefix("st_") || name.hasPrefix("bing_tile") { return "geospatial functions are missing" }
    return reasons.first { $0.names.contains(name) }?.reason
  }
}
