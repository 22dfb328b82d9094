// SPDX-License-Identifier: GPL-3.0-or-later
// The longest piece of work that the transcript does on the window's thread, with a conversation of 100,000 tokens:
// opening it, scrolling through it in steps and in jumps, and streaming into it. Prints milliseconds; a frame
// is 16.
#include "prompt_samples.h"
#include "ui/prompt/transcript_view.h"

#include <QApplication>
#include <QElapsedTimer>
#include <QScrollBar>
#include <QTest>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <vector>

using namespace fulgurite;

namespace {

double threadMilliseconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

// Wall time is what a person feels; the thread's own time is what stays the same on a busy machine.
class Clock {
  public:
    template <class Work>
    void measure(Work&& work) {
        const double before = threadMilliseconds();
        timer_.start();
        work();
        wall_.push_back(static_cast<double>(timer_.nsecsElapsed()) / 1e6);
        own_.push_back(threadMilliseconds() - before);
    }
    void print(const char* name) {
        std::sort(wall_.begin(), wall_.end());
        std::sort(own_.begin(), own_.end());
        std::printf("%-34s longest %7.2f ms (own work %6.2f)   median %6.2f ms (%5.2f)   %zu times\n", name,
                    wall_.back(), own_.back(), wall_[wall_.size() / 2], own_[own_.size() / 2], wall_.size());
        wall_.clear();
        own_.clear();
    }

  private:
    QElapsedTimer timer_;
    std::vector<double> wall_;
    std::vector<double> own_;
};

void paint(TranscriptView& view) {
    view.viewport()->repaint();
}

void drain(Clock& clock) {
    for (int i = 0; i < 30; ++i) {
        clock.measure([] { QApplication::processEvents(); });
        QTest::qSleep(1);
    }
}

void run(ThemeManager& themes, int tokens, int per_answer) {
    std::printf("\n%d tokens, %d in each answer\n", tokens, per_answer);
    const QList<Turn> turns = samples::conversation(tokens, per_answer);
    Clock clock;
    TranscriptView view(themes);
    view.resize(1000, 900);
    view.setTint(TintMode::Surprise);
    view.show();
    QApplication::processEvents();
    clock.measure([&] {
        view.setTurns(turns);
        paint(view);
    });
    clock.print("open");
    drain(clock);
    clock.print("prepare what is near, one step");
    QScrollBar* bar = view.verticalScrollBar();
    for (int i = 0; i < 300; ++i) {
        clock.measure([&] {
            bar->setValue(bar->value() - 66);
            paint(view);
        });
    }
    clock.print("wheel up, one notch and paint");
    for (int i = 0; i < 60; ++i) {
        clock.measure([&] {
            bar->setValue(static_cast<int>(static_cast<double>(bar->maximum()) * ((i * 37) % 60) / 60.0));
            paint(view);
        });
    }
    clock.print("jump anywhere and paint");
    Turn streaming = samples::answerTurn(900001, {}, {}, 3);
    streaming.state = TurnState::Streaming;
    QList<Turn> more = turns;
    more += streaming;
    clock.measure([&] {
        view.setTurns(more);
        paint(view);
    });
    clock.print("a new turn");
    view.scrollToEnd();
    const QList<TokenView> stream = samples::tokenize(samples::longMarkdown(6000), TokenChannel::Answer, 3, 20);
    for (qsizetype i = 0; i < stream.size(); i += 3) {
        clock.measure([&] {
            view.appendTokens(streaming.id, stream.mid(i, 3));
            paint(view);
        });
    }
    clock.print("stream 3 tokens and paint");
    clock.measure([&] {
        view.resize(900, 900);
        paint(view);
    });
    clock.print("another width");
}

// Two long conversations that have nothing in common, one after the other.
void change(ThemeManager& themes, int turns) {
    std::printf("\n%d short turns\n", turns);
    const auto conversation = [turns](std::int64_t first) {
        QList<Turn> result;
        for (int i = 0; i < turns; ++i) {
            result << samples::userTurn(first + i, QStringLiteral("short"));
        }
        return result;
    };
    const QList<Turn> one = conversation(1);
    const QList<Turn> other = conversation(1000001);
    Clock clock;
    TranscriptView view(themes);
    view.resize(1000, 900);
    view.show();
    QApplication::processEvents();
    for (int i = 0; i < 6; ++i) {
        clock.measure([&] {
            view.setTurns(i % 2 == 0 ? one : other);
            paint(view);
        });
    }
    clock.print("another conversation");
}

} // namespace

int main(int argc, char** argv) {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    QApplication application(argc, argv);
    ThemeManager themes;
    themes.setMode(ThemeMode::Dark);
    themes.apply();
    run(themes, 100000, 1000);
    run(themes, 100000, 100000);
    change(themes, 2500);
    change(themes, 5000);
    return 0;
}
