//! What both sides of a channel can do, written once, and what all handles show of themselves.

// Needs: nothing.

/// What both sides of a channel can do, written once.
macro_rules! either_side {
    ($Side:ident) => {
        impl<T> $Side<T> {
            /// Closes the channel: from now on every send fails, and receivers take the values that are left.
            ///
            /// Returns `true` if this call closed the channel; `false` if the channel was closed before, or if all
            /// handles of one side were dropped before. A receiver of a timer, of a token or of a job cannot be closed:
            /// `close` on such a receiver has no effect and returns `false`.
            ///
            /// Does not block. Wakes everyone who waits on the channel: a blocked send fails and hands its value back;
            /// a blocked receive fails, unless a select has promised it a value ([LV-CH-2](crate::channel#LV-CH-2)).
            ///
            /// # Happens-before
            /// [HB-CH-3](crate::channel#HB-CH-3).
            ///
            /// # Example
            /// ```
            /// let (sender, receiver) = hence::channel::bounded(1);
            /// sender.send(1).unwrap();
            /// assert!(receiver.close());
            /// assert!(!sender.close());
            /// assert!(sender.send(2).is_err());
            /// assert_eq!(receiver.recv(), Ok(1));
            /// assert!(receiver.recv().is_err());
            /// ```
            #[doc(alias = "disconnect")]
            pub fn close(&self) -> bool {
                self.on(Core::close, |_, _| false)
            }

            /// Returns `true` if every send fails from now on: the channel was closed, or all handles of one side were
            /// dropped. Once `true`, always `true`.
            ///
            /// There may still be values to receive. For a receiver of a token or of a job: whether the token is
            /// cancelled or the job has ended. For a timer: `false`.
            ///
            /// # Example
            /// ```
            /// let (sender, receiver) = hence::channel::bounded::<u8>(1);
            /// assert!(!sender.is_closed());
            /// drop(receiver);
            /// assert!(sender.is_closed());
            /// ```
            #[doc(alias = "is_disconnected")]
            pub fn is_closed(&self) -> bool {
                self.has_ended()
            }

            /// Returns the number of values in the channel at some moment during the call. The value of a blocked send
            /// is not in the channel.
            ///
            /// # Example
            /// ```
            /// let (sender, receiver) = hence::channel::unbounded();
            /// sender.send(1).unwrap();
            /// assert_eq!(receiver.len(), 1);
            /// ```
            pub fn len(&self) -> usize {
                self.on(Core::len, |due, _| due)
            }

            /// Returns `true` if no value is in the channel.
            ///
            /// # Example
            /// ```
            /// let (sender, _receiver) = hence::channel::bounded::<u8>(1);
            /// assert!(sender.is_empty());
            /// ```
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Returns `true` if there is no room for a value. A rendezvous channel is always full.
            ///
            /// # Example
            /// ```
            /// let (sender, _receiver) = hence::channel::bounded::<u8>(0);
            /// assert!(sender.is_full() && sender.is_empty());
            /// ```
            pub fn is_full(&self) -> bool {
                self.on(Core::is_full, |due, capacity| due >= capacity)
            }

            /// Returns the largest number of values that the channel can hold; `None` if the channel is unbounded.
            ///
            /// # Example
            /// ```
            /// let (sender, _receiver) = hence::channel::bounded::<u8>(5);
            /// assert_eq!(sender.capacity(), Some(5));
            /// ```
            pub fn capacity(&self) -> Option<usize> {
                self.on(|core| core.capacity, |_, capacity| Some(capacity))
            }
        }

        impl<T> UnwindSafe for $Side<T> {}
        impl<T> RefUnwindSafe for $Side<T> {}
    };
}

/// Shows that it is there, and nothing of the values, which may have nothing to show.
macro_rules! opaque {
    ($($Type:ty, $name:literal;)+) => {
        $(impl<T> std::fmt::Debug for $Type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(concat!($name, " { .. }"))
            }
        })+
    };
}
