#!/usr/bin/env bash
# Lays out all Swift sources as .swift-format says.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
swift format -i -r Sources Tests Package.swift
