import Testing

@testable import RulesEngine

@Suite struct JournalPositionTests {
  private var position = JournalPosition()

  private mutating func receive(_ numbers: ClosedRange<UInt64>, epoch: UInt64 = 1) -> Int {
    numbers.count { position.receive(JournalStamp(epoch: epoch, number: $0)) }
  }

  @Test func `a stamp is three numbers`() {
    let stamp = JournalStamp("1732000000000 18 1732000000123")
    #expect(stamp?.epoch == 1_732_000_000_000 && stamp?.number == 18)
    #expect(stamp?.arrivalMilliseconds == 1_732_000_000_123)
    let maximum = UInt64.max
    for text in ["", "1", "1 2", "1 2 3 4", "1  2", "1 2 -3", "a b c", "1 2 \(maximum)", "\(maximum)0 1 1"] {
      #expect(JournalStamp(text) == nil, "\(text)")
    }
  }

  @Test mutating func `what is done is reported once, and again when the broker asks by sending it again`() {
    #expect(position.finish() == nil)
    #expect(receive(1...10) == 10)
    #expect(position.finish() == JournalStamp(epoch: 1, number: 10))
    #expect(position.finish() == nil)
    // The broker was killed, and knows of 5.
    position.disconnected()
    position.broker(knows: 5)
    #expect(receive(6...12) == 2)
    #expect(position.finish() == JournalStamp(epoch: 1, number: 12))
    #expect(position.lost == 0)
  }

  @Test mutating func `what isn't done comes again after a lost connection`() {
    #expect(receive(1...10) == 10)
    _ = position.finish()
    #expect(receive(11...20) == 10)
    position.disconnected()
    #expect(receive(11...20) == 10)
    #expect(position.lost == 0)
  }

  @Test mutating func `an engine that was killed takes what its session had, then what the journal has`() {
    // The broker's session was saved with 51 to 60 in flight; up to 100 all was done since.
    #expect(receive(51...60) == 10)
    position.broker(knows: 100)
    #expect(receive(101...110) == 10)
    #expect(position.lost == 0)
    #expect(position.finish()?.number == 110)
  }

  @Test mutating func `messages that never come are counted`() {
    position.broker(knows: 4)
    #expect(receive(8...9) == 2)
    #expect(position.lost == 3)
    #expect(receive(11...11) == 1)
    #expect(position.lost == 4)
  }

  @Test mutating func `numbers that are given again after the journal's end was lost are new messages`() {
    #expect(receive(1...10) == 10)
    _ = position.finish()
    position.disconnected()
    position.broker(knows: 6)
    #expect(receive(7...8, epoch: 2) == 2)
    #expect(position.lost == 0)
    #expect(position.finish() == JournalStamp(epoch: 2, number: 8))
  }
}
