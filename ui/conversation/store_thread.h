// SPDX-License-Identifier: GPL-3.0-or-later
// The workspace file on a thread of its own: the window never waits for a disk. Jobs run in the order they came.
#pragma once

#include "core/base/error.h"
#include "core/store/workspace.h"
#include "ui/prompt/transcript_types.h"

#include <QHash>
#include <QObject>
#include <QPointer>
#include <QThread>

#include <functional>
#include <map>
#include <memory>
#include <utility>

class QTimer;

namespace fulgurite {

// What jobs work on. Lives on the store's thread.
class StoreSession : public QObject {
    Q_OBJECT

  public:
    StoreSession();
    ~StoreSession() override;

    void open(const QString& file);
    Workspace& workspace();            // throws what kept it from opening
    std::int64_t totalChanges() const; // rows written since it was opened

    // Tokens of an answer that is being written; in the file within half a second.
    void append(NodeId node, const std::vector<TokenInfo>& tokens);
    // The same for an answer that was written again: these take the place of all but its first `kept` tokens, in
    // one step, so that the file has the old ones or the new ones.
    void replace(NodeId node, std::size_t kept, const std::vector<TokenInfo>& tokens);
    void setLastText(NodeId node, const std::string& text); // of its last token
    // `rest`: text that belongs to the last token. Where the file cannot take it, this throws, and it is tried
    // again with the tokens until it can.
    void finish(NodeId node, const NodeFinish& finish, const std::string& rest = {});
    void flush();

    // Answers as they are shown; building them again for every change would cost their whole length.
    QHash<qint64, Turn>& turnCache() { return turn_cache_; }

  signals:
    void failed(const QString& message);
    void saved();    // tokens of an answer
    void caughtUp(); // the file has what it could not take before
    void gaveUp();   // on that: it will never have it

  private:
    void tryFlush();

    std::unique_ptr<Workspace> workspace_;
    std::optional<Error> refusal_;
    std::map<NodeId, TokenWriter> writers_;
    std::map<NodeId, NodeFinish> ends_; // that the file does not have yet
    QTimer* flush_timer_;
    QHash<qint64, Turn> turn_cache_;
    bool complained_ = false; // about the same full disk, twice a second
};

class StoreThread : public QObject {
    Q_OBJECT

  public:
    // ":memory:" keeps nothing.
    explicit StoreThread(const QString& file, QObject* parent = nullptr);
    ~StoreThread() override; // after the jobs that wait

    const QString& file() const { return file_; }
    // Another file, or the same one again.
    void open(const QString& file);
    // Moves the file (and what belongs to it) aside under a name with the date, then begins a new one.
    void startNew();

    void post(std::function<void(StoreSession&)> work);
    // `then` gets the result on the thread of `receiver`, unless that is gone or the work failed.
    // `otherwise` is called there when it did.
    template <class R>
    void ask(QObject* receiver, std::function<R(StoreSession&)> work, std::function<void(const R&)> then,
             std::function<void()> otherwise = {}) {
        const QPointer<QObject> guard(receiver);
        post([work = std::move(work), then = std::move(then), otherwise = std::move(otherwise), guard,
              this](StoreSession& session) {
            try {
                const auto result = std::make_shared<R>(work(session));
                answer(guard, [then, result] { then(*result); });
            } catch (...) {
                if (otherwise) {
                    answer(guard, otherwise);
                }
                throw;
            }
        });
    }
    void wait(); // for all jobs posted so far: tests and the end of the program

  signals:
    void opened(int recovered); // answers that the end of the last run had cut
    void openFailed(const QString& message, bool damaged);
    void failed(const QString& message); // a job
    void saved();                        // a job that changed something is in the file
    void caughtUp();                     // what could not be saved for a while, is
    void gaveUp();                       // and never will be

  private:
    void answer(const QPointer<QObject>& receiver, std::function<void()> call);

    QString file_;
    QThread thread_;
    StoreSession* session_;
};

} // namespace fulgurite
