// As much of the Web Audio API as the tests use to have an audio track at once: the tone is the silence of a receiver that
// nobody sends to. MediaStreamAudioDestinationNode is left out, so that tests which want noise ask for the microphone.

/** Web Audio's classes over the module under test. */
export function audioClasses({ RTCPeerConnection, MediaStream }) {
  class AudioContext {
    currentTime = 0;
    state = "running";
    createOscillator() {
      return { frequency: { value: 440 }, connect: (node) => node, start() {}, stop() {} };
    }
    createMediaStreamDestination() {
      const { track } = new RTCPeerConnection().addTransceiver("audio").receiver;
      return { stream: new MediaStream([track]) };
    }
    async close() {
      this.state = "closed";
    }
  }
  return { AudioContext };
}
