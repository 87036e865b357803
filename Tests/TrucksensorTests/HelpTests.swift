import Testing

import CommandLine

@Suite struct HelpTests {
  @Test func `help shows usage, defaults, an example and the exit codes, within 80 columns`() {
    let expected = """
      usage: trucksensor simulate NAME [options]

      Replays a dataset.

      arguments:
        NAME  the device

      options:
        --rate R                  messages per second and truck (default: 2)
        --interval TIME           time between messages
        --map NEW=COLUMN          rename a column; columns that aren't named stay out
                                  (repeatable)
        --dataset FILE            the driver's data [CSV]: with a header
        --loop [N]                again, N times
        --qos 0|1                 quality of service (default: 0)
        --timestamps now|uptime|START
                                  the clock
        -j, --json                summary as JSON
        -q, --quiet               no messages
        -n, --count N             how many
        -h, --help                show this help

      example:
        trucksensor simulate truckSensor01

      exit codes:
          0  done
          1  messages were lost
         64  wrong usage
         65  bad input data
         69  broker out of reach

      """
    #expect(ExampleCommands.simulate.help == expected)
  }

  @Test(arguments: [
    ("dataset generate", "usage: trucksensor dataset generate --seed N [options]"),
    ("dataset check", "usage: trucksensor dataset check FILE..."),
  ])
  func `usage names what is required and what repeats`(name: String, expected: String) throws {
    #expect(try #require(ExampleCommands.all.first { $0.name == name }).usage == expected)
  }

  @Test(arguments: [
    (ExitCode.success, 0), (.failed, 1), (.usage, 64), (.dataError, 65), (.unavailable, 69), (.refused, 77),
    (.hungUp, 129), (.interrupted, 130), (.terminated, 143),
  ])
  func `exit codes are those of the design`(code: ExitCode, value: Int) {
    #expect(Int(code.rawValue) == value)
  }
}
