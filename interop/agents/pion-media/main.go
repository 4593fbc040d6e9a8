// Pion behind the commands of lib/media-node-agent.mjs: it sends the frames it is given, and hands out the packets it gets.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v3"
	"github.com/pion/webrtc/v3/pkg/media"
)

type fields map[string]interface{}

type material struct{ Keys, Changes, Opus, Pcmu [][]byte }

type request struct {
	Req             int
	Op              string
	Audio, Material string
	Sdp             string
}

var (
	lock     sync.Mutex
	packets  = map[string][]string{"video": {}, "audio": {}}
	remote   *webrtc.TrackRemote
	wantsKey = true
	pc       *webrtc.PeerConnection
	sent     material
	codec    string
	video    *webrtc.TrackLocalStaticSample
	audio    *webrtc.TrackLocalStaticSample
	output   sync.Mutex
)

func emit(line fields) {
	text, _ := json.Marshal(line)
	output.Lock()
	defer output.Unlock()
	os.Stdout.Write(append(text, '\n'))
}

func open(r request) error {
	data, err := os.ReadFile(r.Material)
	if err != nil {
		return err
	}
	if err = json.Unmarshal(data, &sent); err != nil {
		return err
	}
	codec = strings.ToLower(r.Audio)
	sound := webrtc.RTPCodecParameters{PayloadType: 111, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}}
	if codec == "pcmu" {
		sound = webrtc.RTPCodecParameters{PayloadType: 0, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypePCMU, ClockRate: 8000}}
	}
	kind := sound.MimeType
	// Its own list has RTX, which this version offers but does not read.
	engine := &webrtc.MediaEngine{}
	picture := webrtc.RTPCodecParameters{PayloadType: 96, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000,
		RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}}}}
	if err = engine.RegisterCodec(picture, webrtc.RTPCodecTypeVideo); err != nil {
		return err
	}
	if err = engine.RegisterCodec(sound, webrtc.RTPCodecTypeAudio); err != nil {
		return err
	}
	registry := &interceptor.Registry{}
	if err = webrtc.RegisterDefaultInterceptors(engine, registry); err != nil {
		return err
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(registry))
	if pc, err = api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		return err
	}
	if video, err = webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "video", "stream"); err != nil {
		return err
	}
	if audio, err = webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: kind}, "audio", "stream"); err != nil {
		return err
	}
	pc.OnTrack(receive)
	var once sync.Once
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			once.Do(func() { go sendVideo(); go sendAudio() })
		}
	})
	return nil
}

func receive(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
	kind := track.Kind().String()
	if kind == "video" {
		lock.Lock()
		remote = track
		lock.Unlock()
	}
	buffer := make([]byte, 1500)
	for {
		n, _, err := track.Read(buffer)
		if err != nil {
			return
		}
		lock.Lock()
		packets[kind] = append(packets[kind], base64.StdEncoding.EncodeToString(buffer[:n]))
		lock.Unlock()
	}
}

// pace calls send at an even rate until it fails.
func pace(step time.Duration, send func(i int) error) {
	started := time.Now()
	for i := 0; send(i) == nil; i++ {
		time.Sleep(time.Until(started.Add(time.Duration(i+1) * step)))
	}
}

func sendVideo() {
	const step = time.Second / 30
	pace(step, func(i int) error {
		index := i % len(sent.Keys)
		lock.Lock()
		frame := sent.Changes[index]
		if wantsKey {
			frame = sent.Keys[index]
		}
		wantsKey = false
		lock.Unlock()
		return video.WriteSample(media.Sample{Data: frame, Duration: step})
	})
}

func sendAudio() {
	sounds := sent.Opus
	if codec == "pcmu" {
		sounds = sent.Pcmu
	}
	const step = 20 * time.Millisecond
	pace(step, func(i int) error {
		return audio.WriteSample(media.Sample{Data: sounds[i%len(sounds)], Duration: step})
	})
}

func add() error {
	for _, track := range []*webrtc.TrackLocalStaticSample{video, audio} {
		sender, err := pc.AddTrack(track)
		if err != nil {
			return err
		}
		go func() {
			for {
				messages, _, err := sender.ReadRTCP()
				if err != nil {
					return
				}
				for _, message := range messages {
					switch message.(type) {
					case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
						lock.Lock()
						wantsKey = true
						lock.Unlock()
					}
				}
			}
		}()
	}
	return nil
}

func describe(description webrtc.SessionDescription, err error) (interface{}, error) {
	if err != nil {
		return nil, err
	}
	complete := webrtc.GatheringCompletePromise(pc)
	if err = pc.SetLocalDescription(description); err != nil {
		return nil, err
	}
	<-complete
	return fields{"sdp": pc.LocalDescription().SDP}, nil
}

func run(r request) (interface{}, error) {
	switch r.Op {
	case "open":
		return nil, open(r)
	case "offer":
		if err := add(); err != nil {
			return nil, err
		}
		return describe(pc.CreateOffer(nil))
	case "answer":
		if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: r.Sdp}); err != nil {
			return nil, err
		}
		if err := add(); err != nil {
			return nil, err
		}
		return describe(pc.CreateAnswer(nil))
	case "accept":
		return nil, pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: r.Sdp})
	case "seen":
		lock.Lock()
		defer lock.Unlock()
		taken := packets
		packets = map[string][]string{"video": {}, "audio": {}}
		return fields{"state": pc.ConnectionState().String(), "packets": taken}, nil
	case "keyframe":
		lock.Lock()
		defer lock.Unlock()
		if remote == nil {
			return nil, nil
		}
		return nil, pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(remote.SSRC())}})
	case "close":
		return nil, pc.Close()
	}
	return nil, fmt.Errorf("unknown operation %s", r.Op)
}

func serve(r request) {
	defer func() {
		if why := recover(); why != nil {
			emit(fields{"req": r.Req, "error": fields{"name": "panic", "message": fmt.Sprint(why)}})
		}
	}()
	result, err := run(r)
	if err != nil {
		emit(fields{"req": r.Req, "error": fields{"name": "error", "message": err.Error()}})
		return
	}
	if result == nil {
		result = fields{}
	}
	emit(fields{"req": r.Req, "result": result})
}

func main() {
	emit(fields{"event": "ready"})
	decoder := json.NewDecoder(bufio.NewReaderSize(os.Stdin, 1<<20))
	for {
		var r request
		if decoder.Decode(&r) != nil {
			return
		}
		serve(r)
	}
}
