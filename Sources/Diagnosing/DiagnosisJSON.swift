import ColdChain
import JSON
import Time

/// A diagnosis as JSON: the format of `diagnose --json` (docs/formats.md).
package enum DiagnosisJSON {
  /// One object without a line end, UTF-8.
  package static func bytes(_ result: RecordReader.Result) -> [UInt8] {
    var json = JSONWriter()
    write(result, to: &json)
    return json.bytes
  }

  /// Writes the object as the next value.
  package static func write(_ result: RecordReader.Result, to json: inout JSONWriter) {
    let diagnosis = result.diagnosis
    let clock = result.clock
    json.object { json in
      json.member("device", result.device)
      time("from", diagnosis.span?.start, clock, &json)
      time("to", diagnosis.span?.end, clock, &json)
      json.member("rows", diagnosis.rows)
      json.object("coverage") { json in
        json.member("rows", orNull: diagnosis.rowCoverage)
        for measure in Measure.allCases {
          json.member(measure.rawValue, orNull: diagnosis.coverage[measure]?.share)
        }
      }
      json.member("verdict", diagnosis.verdict.rawValue)
      json.member("headline", diagnosis.headline)
      json.array("causes") { json in
        for cause in diagnosis.causes {
          json.object { json in
            json.member("cause", cause.cause.rawValue)
            json.member("confidence", rounded(cause.confidence, 1000))
            json.array("evidence") { json in for item in cause.evidence { write(item, clock, &json) } }
            json.array("against") { json in for item in cause.against { write(item, clock, &json) } }
          }
        }
      }
      json.array("phases") { json in
        for phase in diagnosis.phases {
          json.object { json in
            json.member("kind", phase.kind.rawValue)
            time("from", phase.span.start, clock, &json)
            time("to", phase.span.end, clock, &json)
            json.member("fromCelsius", orNull: phase.from.map { rounded($0, 100) })
            json.member("toCelsius", orNull: phase.to.map { rounded($0, 100) })
          }
        }
      }
      json.array("departures") { json in
        for departure in diagnosis.departures { write(departure, clock, &json) }
      }
      json.object("profile") { json in
        json.member("name", diagnosis.profile.name)
        json.array("limits") { json in
          for grade in diagnosis.grades {
            json.object { json in
              json.member("title", grade.limit.title)
              json.member("celsius", grade.limit.celsius)
              json.member("source", grade.limit.source)
              json.member("result", grade.result.rawValue)
              json.member("events", grade.count)
              json.member("seconds", grade.seconds)
              json.member("degreeMinutes", rounded(grade.degreeMinutes, 100))
              json.member("coolingDownSeconds", orNull: grade.approach?.seconds)
            }
          }
        }
      }
      json.array("excursions") { json in
        for excursion in diagnosis.grades.flatMap(\.excursions).sorted(by: { $0.start < $1.start }) {
          json.object { json in
            json.member("limit", excursion.limit)
            time("from", excursion.start, clock, &json)
            time("to", excursion.end, clock, &json)
            json.member("seconds", excursion.seconds)
            json.member("peak", excursion.peak.value)
            time("peakAt", excursion.peak.time, clock, &json)
            json.member("degreeMinutes", rounded(excursion.degreeMinutes, 100))
            rows(excursion.rows, &json)
            json.member("endsAtGap", excursion.endsAtGap)
          }
        }
      }
      write(statistics: diagnosis, clock, &json)
      json.array("remarks") { json in for text in diagnosis.remarks + result.notes { json.value(text) } }
    }
  }

  private static func rounded(_ value: Double, _ scale: Double) -> Double {
    (value * scale).rounded() / scale
  }

  private static func time(_ name: String, _ time: Int64?, _ clock: ClockStyle, _ json: inout JSONWriter) {
    guard let time else {
      json.key(name)
      json.null()
      return
    }
    switch clock {
    case .zone: json.member(name, Timestamp.iso8601(time))
    case .elapsed: json.member(name, Double(time) / 1e9)
    }
  }

  private static func rows(_ rows: ClosedRange<Int>?, _ json: inout JSONWriter) {
    guard let rows else { return }
    json.array("rows") { json in
      json.value(rows.lowerBound)
      json.value(rows.upperBound)
    }
  }

  private static func write(_ evidence: Evidence, _ clock: ClockStyle, _ json: inout JSONWriter) {
    json.object { json in
      json.member("text", evidence.text)
      if let measure = evidence.measure { json.member("measure", measure.rawValue) }
      if let span = evidence.span {
        time("from", span.start, clock, &json)
        time("to", span.end, clock, &json)
      }
      rows(evidence.rows, &json)
      if !evidence.figures.isEmpty {
        json.object("figures") { json in
          for figure in evidence.figures { json.member(figure.name, rounded(figure.value, 10_000)) }
        }
      }
    }
  }

  private static func write(_ departure: TripDeparture, _ clock: ClockStyle, _ json: inout JSONWriter) {
    json.object { json in
      json.member("cause", departure.cause.rawValue)
      json.member("confidence", rounded(departure.confidence, 1000))
      time("from", departure.span.start, clock, &json)
      time("to", departure.span.end, clock, &json)
      rows(departure.rows, &json)
      json.member("resolved", departure.isResolved)
      json.member("level", rounded(departure.level, 100))
      json.member("peak", rounded(departure.peak.value, 100))
      json.member("kelvinMinutes", rounded(departure.harm, 10))
      if let fit = departure.fit, fit.isDetermined {
        json.object("fit") { json in
          json.member("tendsTo", rounded(fit.asymptote, 100))
          json.member("timeConstantSeconds", rounded(fit.timeConstant, 10))
          json.member("residual", rounded(fit.residual, 1000))
        }
      }
      if let place = departure.place { write(place, clock, &json) }
    }
  }

  private static func write(_ place: StayPoint, _ clock: ClockStyle, _ json: inout JSONWriter) {
    json.object("place") { json in
      json.member("latitude", rounded(place.latitude, 1e5))
      json.member("longitude", rounded(place.longitude, 1e5))
      json.member("kind", place.kind.rawValue)
    }
  }

  private static func write(
    _ name: String, _ series: SeriesStatistics, _ clock: ClockStyle, _ json: inout JSONWriter
  ) {
    guard series.count > 0 else {
      json.key(name)
      json.null()
      return
    }
    json.object(name) { json in
      json.member("count", series.count)
      json.member("mean", orNull: series.mean)
      json.member("timeWeightedMean", orNull: series.timeWeightedMean)
      json.member("deviation", orNull: series.deviation)
      json.member("minimum", orNull: series.minimum?.value)
      time("minimumAt", series.minimum?.time, clock, &json)
      json.member("maximum", orNull: series.maximum?.value)
      time("maximumAt", series.maximum?.time, clock, &json)
      if let kinetic = series.meanKinetic { json.member("meanKinetic", kinetic) }
    }
  }

  private static func write(statistics diagnosis: Diagnosis, _ clock: ClockStyle, _ json: inout JSONWriter) {
    json.object("statistics") { json in
      write("temperature", diagnosis.temperature, clock, &json)
      write("voltage", diagnosis.voltage, clock, &json)
      write("ambient", diagnosis.ambient, clock, &json)
      json.member("heldLevel", orNull: diagnosis.heldLevel.map { rounded($0, 100) })
      json.member("pullDownSeconds", orNull: diagnosis.pullDownSeconds)
      json.member("secondsAtLevel", diagnosis.secondsAtLevel)
      json.member("thaws", diagnosis.thaws)
      json.member("thawRefreezeCycles", diagnosis.thawCycles)
      json.member("crankDips", diagnosis.crankDips)
      json.key("door")
      if let door = diagnosis.door {
        json.object { json in
          json.member("openings", door.count)
          json.member("seconds", door.seconds)
          json.member("longestSeconds", orNull: door.longest?.seconds)
          json.array("costliest") { json in
            for opening in door.openings.prefix(5) {
              json.object { json in
                time("from", opening.start, clock, &json)
                json.member("seconds", opening.seconds)
                json.member("rise", orNull: opening.rise)
                json.member("risePerMinute", orNull: opening.risePerMinute)
                json.member("recoverySeconds", orNull: opening.recovery)
              }
            }
          }
        }
      } else {
        json.null()
      }
      json.object("unit") { json in
        json.member("pullDownMinutesPer10K", orNull: diagnosis.signs.pullDown)
        json.member("dutyCycle", orNull: diagnosis.signs.dutyCycle)
        json.member("cyclesPerHour", orNull: diagnosis.signs.cyclesPerHour)
        json.member("recoveryMinutesPerK", orNull: diagnosis.signs.recovery)
        json.member("workingVoltage", orNull: diagnosis.signs.workingVoltage)
        json.member("holdMargin", orNull: diagnosis.signs.holdMargin)
      }
    }
  }
}

extension DiagnosisJSON {
  /// A fleet's comparison.
  package static func bytes(_ fleet: FleetAnalysis) -> [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.member("trips", fleet.trips.count)
      json.member("affected", fleet.trips.count { $0.isAffected })
      json.object("verdicts") { json in
        for entry in fleet.causes { json.member(entry.cause.rawValue, entry.count) }
      }
      json.array("answers") { json in
        for answer in fleet.answers {
          json.object { json in
            json.member("question", answer.question)
            json.member("answer", answer.value.rawValue)
            json.member("reason", answer.reason)
          }
        }
      }
      json.array("inCommon") { json in
        for finding in fleet.findings {
          json.object { json in
            json.member("kind", finding.kind)
            json.member("property", finding.property)
            if let place = finding.place {
              json.member("latitude", place.latitude)
              json.member("longitude", place.longitude)
            }
            json.member("affectedWith", finding.affectedWith)
            json.member("affected", finding.affected)
            json.member("othersWith", finding.soundWith)
            json.member("others", finding.sound)
            json.member("probability", finding.probability)
            json.member("significant", finding.isSignificant)
          }
        }
      }
    }
    return json.bytes
  }

  /// A truck's trends.
  package static func bytes(_ trend: TrendAnalysis, device: String) -> [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.member("device", orNull: device.isEmpty ? nil : device)
      json.array("signs") { json in
        for series in trend.series {
          json.object { json in
            json.member("sign", series.name)
            json.array("values") { json in
              for value in series.values {
                if let value { json.value(value) } else { json.null() }
              }
            }
            if let found = trend.trends[series.name] {
              json.member("slope", found.slope)
              json.member("first", found.first)
              json.member("last", found.last)
              json.member("probability", found.probability)
            }
          }
        }
      }
      json.array("warnings") { json in
        for warning in trend.warnings {
          json.object { json in
            json.member("sign", warning.sign)
            json.member("text", warning.text)
          }
        }
      }
    }
    return json.bytes
  }
}
