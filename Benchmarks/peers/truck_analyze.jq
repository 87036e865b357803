{temp: (.temp | tonumber), volts: (.volts | tonumber), door: (.door | tonumber | floor),
 timestamp: (.timestamp | floor | strftime("%Y-%m-%d %H:%M:%S"))}
