.mode ascii
.separator "\001" "\n"
CREATE TABLE messages(payload TEXT);
.import /dev/stdin messages
.mode list
SELECT json_object('temp', CAST(payload ->> 'temp' AS REAL), 'volts', CAST(payload ->> 'volts' AS REAL),
  'door', CAST(payload ->> 'door' AS INTEGER),
  'timestamp', strftime('%Y-%m-%d %H:%M:%S', payload ->> 'timestamp', 'unixepoch')) FROM messages;
