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

	"github.com/pion/dtls/v2"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v3"
	"github.com/pion/webrtc/v3/pkg/media"
)

const sdesRepairRTPStreamIDURI = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"

type fields map[string]interface{}

// What lib/media-material.mjs writes; payloads: of codecs that Pion has no payloader for, frame by frame.
type encoded struct {
	Keys, Changes [][]byte
	Payloads      [][][]byte
}

type material struct {
	Rate   int
	Codecs map[string]encoded
}

// wanted is one section; rids: the encodings that it sends, each of which has material "CODEC rid" of its own.
type wanted struct {
	Kind, Codec string
	Rids        []string
}

type request struct {
	Req      int
	Op       string
	Tracks   []wanted
	Material string
	Sdp      string
	Track    int
	Profiles []uint16
	Numbered *uint16
	Fir      bool
	Layers   bool
}

// end is one section of the connection, both ways.
type end struct {
	wanted
	sample   *webrtc.TrackLocalStaticSample
	raw      *webrtc.TrackLocalStaticRTP
	codec    webrtc.RTPCodecParameters
	remote   *webrtc.TrackRemote
	packets  []string
	rids     map[string]int
	wantsKey bool
	at       int
	number   uint16
	firs     uint8
	// Of simulcast: layers in a section; in a layer its rid, what makes its payloads, and its header extensions, by identifier.
	layers     []*end
	rid        string
	payloader  rtp.Payloader
	extensions map[uint8]string
}

var (
	lock   sync.Mutex
	pc     *webrtc.PeerConnection
	sent   material
	ends   []*end
	output sync.Mutex
)

func emit(line fields) {
	text, _ := json.Marshal(line)
	output.Lock()
	defer output.Unlock()
	os.Stdout.Write(append(text, '\n'))
}

func codecOf(w wanted) webrtc.RTPCodecParameters {
	types := map[string]webrtc.PayloadType{"VP8": 96, "VP9": 98, "H264": 102, "AV1": 104, "H265": 106, "opus": 111, "PCMU": 0, "PCMA": 8, "G722": 9}
	lines := map[string]string{"VP9": "profile-id=0", "H264": "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"}
	capability := webrtc.RTPCodecCapability{MimeType: w.Kind + "/" + w.Codec, ClockRate: 90000, SDPFmtpLine: lines[w.Codec],
		RTCPFeedback: []webrtc.RTCPFeedback{{Type: "ccm", Parameter: "fir"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"}}}
	if w.Kind == "audio" {
		capability.RTCPFeedback = nil
		capability.ClockRate = 8000
		if w.Codec == "opus" {
			capability.ClockRate, capability.Channels = 48000, 2
		}
	}
	return webrtc.RTPCodecParameters{PayloadType: types[w.Codec], RTPCodecCapability: capability}
}

// layered makes the encodings of a section that sends simulcast.
func (e *end) layered(id string) error {
	for _, rid := range e.Rids {
		raw, err := webrtc.NewTrackLocalStaticRTP(e.codec.RTPCodecCapability, id, "stream", webrtc.WithRTPStreamID(rid))
		if err != nil {
			return err
		}
		payloader := &codecs.VP8Payloader{EnablePictureID: true}
		e.layers = append(e.layers, &end{wanted: e.wanted, codec: e.codec, wantsKey: true, number: e.number, raw: raw, rid: rid, payloader: payloader})
	}
	e.raw = e.layers[0].raw
	return nil
}

func open(r request) error {
	data, err := os.ReadFile(r.Material)
	if err != nil {
		return err
	}
	if err = json.Unmarshal(data, &sent); err != nil {
		return err
	}
	// Its own list has RTX, which this version offers but does not read.
	engine := &webrtc.MediaEngine{}
	for i, w := range r.Tracks {
		e := &end{wanted: w, codec: codecOf(w), wantsKey: true, number: 1000, rids: map[string]int{}}
		if r.Numbered != nil {
			e.number = *r.Numbered
		}
		kind := webrtc.NewRTPCodecType(w.Kind)
		if err = engine.RegisterCodec(e.codec, kind); err != nil {
			return err
		}
		id := fmt.Sprint("track", i)
		if len(w.Rids) > 0 {
			err = e.layered(id)
		} else if len(sent.Codecs[w.Codec].Payloads) > 0 || r.Numbered != nil {
			e.raw, err = webrtc.NewTrackLocalStaticRTP(e.codec.RTPCodecCapability, id, "stream")
		} else {
			e.sample, err = webrtc.NewTrackLocalStaticSample(e.codec.RTPCodecCapability, id, "stream")
		}
		if err != nil {
			return err
		}
		ends = append(ends, e)
	}
	tones := webrtc.RTPCodecParameters{PayloadType: 126, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: "audio/telephone-event", ClockRate: 8000, SDPFmtpLine: "0-16"}}
	if err = engine.RegisterCodec(tones, webrtc.RTPCodecTypeAudio); err != nil {
		return err
	}
	for _, uri := range []string{sdp.SDESMidURI, sdp.SDESRTPStreamIDURI, sdesRepairRTPStreamIDURI} {
		if !r.Layers {
			break
		}
		if err = engine.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeVideo); err != nil {
			return err
		}
	}
	registry := &interceptor.Registry{}
	if err = webrtc.RegisterDefaultInterceptors(engine, registry); err != nil {
		return err
	}
	settings := webrtc.SettingEngine{}
	if len(r.Profiles) > 0 {
		var profiles []dtls.SRTPProtectionProfile
		for _, p := range r.Profiles {
			profiles = append(profiles, dtls.SRTPProtectionProfile(p))
		}
		settings.SetSRTPProtectionProfiles(profiles...)
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(settings))
	if pc, err = api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		return err
	}
	pc.OnTrack(receive)
	var once sync.Once
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			once.Do(func() {
				for _, e := range ends {
					if e.layers == nil {
						go e.send()
					}
					for _, layer := range e.layers {
						go layer.send()
					}
				}
			})
		}
	})
	return nil
}

func receive(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	var e *end
	for i, t := range pc.GetTransceivers() {
		if t.Receiver() == receiver && i < len(ends) {
			e = ends[i]
		}
	}
	if e == nil {
		return
	}
	lock.Lock()
	e.remote = track
	lock.Unlock()
	buffer := make([]byte, 1500)
	for {
		n, _, err := track.Read(buffer)
		if err != nil {
			return
		}
		lock.Lock()
		if rid := track.RID(); rid != "" {
			e.rids[rid]++
			lock.Unlock()
			continue
		}
		e.packets = append(e.packets, base64.StdEncoding.EncodeToString(buffer[:n]))
		lock.Unlock()
	}
}

// next gives the frame of the picture with this number, and its payloads if Pion does not make them.
func (e *end) next(number int) ([]byte, [][]byte) {
	lock.Lock()
	defer lock.Unlock()
	m := sent.Codecs[strings.TrimSpace(e.Codec+" "+e.rid)]
	if len(m.Keys) > 1 {
		index := number % len(m.Changes)
		key := e.wantsKey || index == 0
		e.wantsKey = false
		if key {
			return m.Keys[index], nil
		}
		return m.Changes[index], nil
	}
	if e.wantsKey && e.Kind == "video" {
		e.at = 0
	}
	e.wantsKey = false
	index := e.at % len(m.Changes)
	e.at++
	if len(m.Payloads) > 0 {
		return nil, m.Payloads[index]
	}
	return m.Changes[index], nil
}

// send goes on at an even rate until writing fails.
func (e *end) send() {
	step, ticks := 20*time.Millisecond, uint32(e.codec.ClockRate/50)
	if e.Kind == "video" {
		step, ticks = time.Second/time.Duration(sent.Rate), uint32(90000/sent.Rate)
	}
	started := time.Now()
	for i := 0; ; i++ {
		frame, payloads := e.next(i)
		var err error
		if e.raw == nil {
			err = e.sample.WriteSample(media.Sample{Data: frame, Duration: step})
		} else {
			if e.payloader != nil {
				payloads = e.payloader.Payload(1100, frame)
			} else if payloads == nil {
				payloads = [][]byte{frame}
			}
			for j, payload := range payloads {
				e.number++
				header := rtp.Header{Version: 2, Marker: j == len(payloads)-1 && e.Kind == "video", SequenceNumber: e.number, Timestamp: uint32(i) * ticks}
				for id, value := range e.extensions {
					if err = header.SetExtension(id, []byte(value)); err != nil {
						return
					}
				}
				err = e.raw.WriteRTP(&rtp.Packet{Header: header, Payload: payload})
			}
		}
		if err != nil {
			return
		}
		time.Sleep(time.Until(started.Add(time.Duration(i+1) * step)))
	}
}

func (e *end) local() webrtc.TrackLocal {
	if e.raw != nil {
		return e.raw
	}
	return e.sample
}

func (e *end) watch(sender *webrtc.RTPSender) {
	for {
		messages, _, err := e.feedback(sender)
		if err != nil {
			return
		}
		for _, message := range messages {
			switch message.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				lock.Lock()
				e.wantsKey = true
				lock.Unlock()
			}
		}
	}
}

func (e *end) feedback(sender *webrtc.RTPSender) ([]rtcp.Packet, interceptor.Attributes, error) {
	if e.rid != "" {
		return sender.ReadSimulcastRTCP(e.rid)
	}
	return sender.ReadRTCP()
}

// addLayers adds the encodings besides the first one.
func (e *end) addLayers(sender *webrtc.RTPSender) error {
	for i, layer := range e.layers {
		if i > 0 {
			if err := sender.AddEncoding(layer.raw); err != nil {
				return err
			}
		}
		go layer.watch(sender)
	}
	return nil
}

// name has each packet say of which section and encoding it is, which Pion leaves to its user.
func (e *end) name(t *webrtc.RTPTransceiver) {
	for _, layer := range e.layers {
		layer.extensions = map[uint8]string{}
		for _, extension := range t.Sender().GetParameters().HeaderExtensions {
			switch extension.URI {
			case sdp.SDESMidURI:
				layer.extensions[uint8(extension.ID)] = t.Mid()
			case sdp.SDESRTPStreamIDURI:
				layer.extensions[uint8(extension.ID)] = layer.rid
			}
		}
	}
}

func offer() error {
	for _, e := range ends {
		direction := webrtc.RTPTransceiverDirectionSendrecv
		if e.layers != nil {
			direction = webrtc.RTPTransceiverDirectionSendonly
		}
		t, err := pc.AddTransceiverFromTrack(e.local(), webrtc.RTPTransceiverInit{Direction: direction})
		if err != nil {
			return err
		}
		if err = e.addLayers(t.Sender()); err != nil {
			return err
		}
		all := []webrtc.RTPCodecParameters{e.codec}
		for _, other := range ends {
			if other != e && other.Kind == e.Kind {
				all = append(all, other.codec)
			}
		}
		if err = t.SetCodecPreferences(all); err != nil {
			return err
		}
		if e.layers == nil {
			go e.watch(t.Sender())
		}
	}
	return nil
}

func answer() error {
	for _, e := range ends {
		sender, err := pc.AddTrack(e.local())
		if err != nil {
			return err
		}
		go e.watch(sender)
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
	// After a restart it was complete before.
	for i := 0; i < 300 && !(pc.ICEGatheringState() == webrtc.ICEGatheringStateComplete && strings.Contains(pc.LocalDescription().SDP, "a=candidate")); i++ {
		time.Sleep(10 * time.Millisecond)
	}
	return fields{"sdp": pc.LocalDescription().SDP}, nil
}

func run(r request) (interface{}, error) {
	switch r.Op {
	case "open":
		return nil, open(r)
	case "offer":
		if len(pc.GetTransceivers()) == 0 {
			if err := offer(); err != nil {
				return nil, err
			}
		}
		return describe(pc.CreateOffer(nil))
	case "restart":
		return describe(pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true}))
	case "answer":
		if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: r.Sdp}); err != nil {
			return nil, err
		}
		// What is offered as sendonly it would answer with sendrecv.
		if len(pc.GetSenders()) == 0 && !strings.Contains(r.Sdp, "a=sendonly") {
			if err := answer(); err != nil {
				return nil, err
			}
		}
		return describe(pc.CreateAnswer(nil))
	case "accept":
		for i, t := range pc.GetTransceivers() {
			if i < len(ends) {
				ends[i].name(t)
			}
		}
		return nil, pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: r.Sdp})
	case "seen":
		lock.Lock()
		defer lock.Unlock()
		var tracks []fields
		for _, e := range ends {
			taken := e.packets
			if taken == nil {
				taken = []string{}
			}
			tracks = append(tracks, fields{"packets": taken, "rids": e.rids})
			e.packets = nil
		}
		return fields{"state": pc.ConnectionState().String(), "tracks": tracks}, nil
	case "keyframe":
		lock.Lock()
		defer lock.Unlock()
		e := ends[r.Track]
		if e.remote == nil {
			return nil, nil
		}
		ssrc := uint32(e.remote.SSRC())
		if r.Fir {
			e.firs++
			return nil, pc.WriteRTCP([]rtcp.Packet{&rtcp.FullIntraRequest{MediaSSRC: ssrc, FIR: []rtcp.FIREntry{{SSRC: ssrc, SequenceNumber: e.firs}}}})
		}
		return nil, pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: ssrc}})
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
