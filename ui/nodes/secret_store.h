// SPDX-License-Identifier: GPL-3.0-or-later
// The tokens of nodes: in the desktop's secret service where there is one, else as the person chose, in a file that
// only they can read or for this session only. Never in the workspace, never in the list of nodes.
#pragma once

#include <QHash>
#include <QObject>
#include <QString>

#include <functional>

namespace fulgurite {

class SecretStore : public QObject {
    Q_OBJECT

  public:
    enum class Place {
        Service, // the desktop's: GNOME Keyring, KWallet, KeePassXC
        File,    // mode 0600
        Session, // forgotten when the window closes
    };

    // `file`: where Place::File keeps them.
    explicit SecretStore(const QString& file, QObject* parent = nullptr);

    // The token, or an empty text where there is none; `problem` is why the service could not be asked. `withheld`:
    // it is there, and locked.
    using Found = std::function<void(const QString& token, const QString& problem, bool withheld)>;
    virtual void read(const QString& node, Found done);
    // An empty token removes. Where the service refuses, the token is kept for this session and fellBack() is told.
    void write(const QString& node, const QString& token);
    // `gone`: it is nowhere any more, or was not there. Else the service or the file could not be asked, or
    // refused.
    using Removed = std::function<void(bool gone)>;
    virtual void remove(const QString& node, Removed done);

    // Until the window closes, and nowhere else.
    void keepForSession(const QString& node, const QString& token) { session_[node] = token; }

    // What became of the last write().
    Place place() const { return place_; }
    // After fellBack(): into the file as well.
    void keepInFile();
    // Why the file could not be written the last time, for who was not there to hear fileFailed(); empty: it could.
    const QString& fileProblem() const { return file_problem_; }

  signals:
    void fellBack(const QString& problem);   // once a session
    void fileFailed(const QString& message); // the file cannot be written

  private:
    bool writeFile();

    QString file_;
    QString file_problem_;
    QHash<QString, QString> session_;
    Place place_ = Place::Service;
    bool file_wanted_ = false;
    bool told_ = false;
};

} // namespace fulgurite
